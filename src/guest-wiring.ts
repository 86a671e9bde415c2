/** Connects what is read of guests in PVE with the addresses of our pools and with what people are told. */
import type { PoolAddress } from './api/pooladdress.ts'
import type { EventReason } from './api/words.ts'
import type { GuestContext } from './cluster/guest-owners.ts'
import type { AddressBook } from './ipam/address-book.ts'
import { InUseAddresses } from './ipam/in-use.ts'
import type { KubeClient } from './kube/client.ts'
import type { EventRecorder } from './kube/events.ts'
import type { Store } from './kube/store.ts'
import type { Clock } from './ops/clock.ts'
import { about, type Log } from './ops/log.ts'

export function addressesInUse(o: {
  client: KubeClient
  addresses: Store<PoolAddress>
  book: AddressBook
  clock: Clock
  log: Log
}): InUseAddresses {
  const { client, addresses, book, clock, log } = o
  const onFault = (err: unknown) => about(log, { part: 'ipam' }).warn({ err }, 'failed to write an address in use; retrying')
  const inUse = new InUseAddresses({ client, addresses, pools: book.pools, clock, onFault })
  book.subscribe((_pool, what) => {
    if (what === 'spec') inUse.poolsChanged()
  })
  return inUse
}

export function guestContext(o: {
  installation: GuestContext['installation']
  inUse: InUseAddresses
  events: EventRecorder
}): GuestContext {
  const { installation, inUse, events } = o
  const tell = (object: Parameters<EventRecorder['record']>[0], type: 'Normal' | 'Warning', reason: EventReason, message: string) =>
    events.record(object, type, reason, message)
  return {
    installation,
    isOfConcern: (cluster, addresses) => inUse.concerns(cluster, addresses),
    remembered: (cluster) => inUse.guestsOf(cluster),
    onGuest: (cluster, vmid, guest) => {
      const { node = '', name = '', addresses = [] } = guest && guest.class !== 'owned' ? guest : {}
      inUse.shows({ cluster, vmid, node, name, addresses })
    },
    onUnclaimed: (object, { unclaimed, unclaimedCount: count }) => {
      const some = unclaimed.slice(0, 5).map(({ vmid, node }) => `VM ${vmid} on ${node}`)
      const what = count === 1 ? '1 guest in PVE belongs' : `${count} guests in PVE belong`
      if (count === 0) tell(object, 'Normal', 'UnclaimedGuests', 'Every guest in PVE with our mark has its ProxmoxVM.')
      else
        tell(
          object,
          'Warning',
          'UnclaimedGuests',
          `${what} to no ProxmoxVM any more (${some.join(', ')}${count > some.length ? ', …' : ''}): kubectl pve unclaimed lists them.`,
        )
    },
  }
}
