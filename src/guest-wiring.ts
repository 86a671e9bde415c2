/** Makes the rooms of the addresses, and connects what is read of guests in PVE with them and with what people are told. */
import type { PoolAddress } from './api/pooladdress.ts'
import type { EventReason } from './api/events.ts'
import type { GuestContext, RecordedGuests } from './cluster/guest-owners.ts'
import { GuestLister } from './cluster/guest-lister.ts'
import type { IPPool } from './api/ippool.ts'
import type { ProxmoxCluster } from './api/proxmoxcluster.ts'
import type { Namespace } from './api/meta.ts'
import { AddressBook } from './ipam/address-book.ts'
import type { Claimant, Entry } from './ipam/claim.ts'
import { inheritClaims } from './ipam/inherit.ts'
import { PoolController } from './ipam/pool-controller.ts'
import type { OnFreed } from './ipam/waiter-wakeups.ts'
import { InUseAddresses } from './ipam/in-use.ts'
import type { KubeClient } from './kube/client.ts'
import type { EventRecorder } from './kube/events.ts'
import type { Store } from './kube/store.ts'
import type { Clock } from './ops/clock.ts'
import { about, type Log } from './ops/log.ts'

export interface Ipam {
  readonly book: AddressBook
  readonly inUse: InUseAddresses
  readonly pools: PoolController
  /** See ipam/inherit.ts. */
  readonly inheritClaims: (who: Claimant, entries: readonly Entry[], shown: readonly string[]) => Promise<string[]>
}

/** Declares indexes: call it before the reflectors run. */
export function makeIpam(o: {
  client: KubeClient
  stores: { pools: Store<IPPool>; addresses: Store<PoolAddress>; namespaces: Store<Namespace>; clusters: Store<ProxmoxCluster> }
  clock: Clock
  log: Log
  /** A VM that waited for an address is called by its key. */
  wake: (key: string) => void
  recorded: Pick<RecordedGuests, 'isLiving' | 'isGone'>
  mayFree: (uid: string) => Promise<boolean>
}): Ipam {
  const { client, clock, log } = o
  const { isLiving, isGone } = o.recorded
  const { pools, addresses, clusters } = o.stores
  const isCluster = (name: string): boolean => !clusters.isSynced || clusters.get(name) !== undefined
  const onFreed: OnFreed = (_pool, next) => next.forEach(({ namespace, name }) => o.wake(`${namespace}/${name}`))
  const book = new AddressBook({ client, ...o.stores, clock, onFreed })
  const onInUseFault = (err: unknown) => about(log, { part: 'ipam' }).warn({ err }, 'failed to write an address in use; retrying')
  const inUse = new InUseAddresses({ client, addresses, pools: book.pools, clock, isCluster, onFault: onInUseFault })
  book.subscribe((_pool, what) => {
    if (what === 'spec') inUse.poolsChanged()
  })
  const controller = new PoolController({
    client,
    pools,
    addresses,
    book,
    clock,
    mayFree: o.mayFree,
    inUseOf: (pool) => inUse.countOf(pool),
    unseenAt: (pool) => inUse.unseenAt(pool),
    isLiving,
    isGone,
    onFault: (pool, err) => about(log, { pool }).warn({ err }, 'pool reconcile failed'),
  })
  clusters.subscribe(({ old, new: now }) => {
    if ((old === undefined) !== (now === undefined)) for (const { metadata } of pools.list()) controller.queue.add(metadata.name)
  })
  const inheritance = { client, addresses, clock, isLiving, isGone }
  return { book, inUse, pools: controller, inheritClaims: (who, entries, shown) => inheritClaims(inheritance, who, entries, shown) }
}

/** Answers the requests for lists of guests. */
export const makeLister = ({ log, ...o }: Omit<ConstructorParameters<typeof GuestLister>[0], 'onFault'> & { log: Log }): GuestLister =>
  new GuestLister({ ...o, onFault: (cluster, err) => about(log, { cluster }).warn({ err }, 'failed to list guests; retrying') })

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
      if (count === 0)
        tell(object, 'Normal', 'UnclaimedGuests', 'Every guest in PVE with the owner line of the operator has its ProxmoxVM.')
      else
        tell(
          object,
          'Warning',
          'UnclaimedGuests',
          `${what} to no existing ProxmoxVM (${some.join(', ')}${count > some.length ? ', …' : ''}): kubectl pve unclaimed lists them.`,
        )
    },
  }
}
