/** What a ProxmoxCluster tells of guests with our mark that belong to no object (pure). */
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import { timeInSeconds } from '../api/time.ts'
import type { KnownGuest } from './guest-index.ts'

type Told = NonNullable<ProxmoxClusterStatus['unclaimed']>[number]

/** As many as the CRD takes. */
const mostGuests = 256
const mostAddresses = 16

export interface UnclaimedReport {
  readonly unclaimed: Told[]
  /** Guests whose object is no more; copies and guests of other installations are listed and not counted. */
  readonly unclaimedCount: number
}

/** What was told before: a guest that has not been read since the start stays in the list, and one that is still so keeps its date. */
export interface ToldBefore {
  readonly told: readonly Told[]
  readonly isUnread: (vmid: number) => boolean
}

/** Unclaimed ones first, then those of other installations and copies; by VMID. */
export function unclaimedOf(guests: readonly KnownGuest[], before: ToldBefore = { told: [], isUnread: () => false }): UnclaimedReport {
  const marked = guests
    .filter((guest) => guest.class in ranks)
    .map((guest) => ({ rank: rankOf(guest.class), told: toldOf(guest, before.told) }))
  const unread = before.told.filter(({ vmid }) => before.isUnread(vmid)).map((told) => ({ rank: rankOf(classToldOf(told)), told }))
  const all = [...marked, ...unread].toSorted((a, b) => a.rank - b.rank || a.told.vmid - b.told.vmid)
  return { unclaimed: all.slice(0, mostGuests).map(({ told }) => told), unclaimedCount: all.filter(({ rank }) => rank === 0).length }
}

const ranks: Readonly<Partial<Record<KnownGuest['class'], number>>> = { unclaimed: 0, theirs: 1, copy: 2 }
const rankOf = (is: KnownGuest['class']): number => ranks[is] ?? 3

const classToldOf = ({ copyOf, installation }: Told): KnownGuest['class'] =>
  copyOf !== undefined ? 'copy' : installation !== undefined ? 'theirs' : 'unclaimed'

function toldOf({ vmid, node, name, mark, addresses, sinceMs, class: is }: KnownGuest, before: readonly Told[]): Told {
  const { object } = mark ?? {}
  const known = before.find((told) => told.vmid === vmid && classToldOf(told) === is)
  return {
    vmid,
    node,
    name: name.slice(0, 253),
    ...(object && { formerObject: `${object.namespace}/${object.name}`.slice(0, 127) }),
    ...(object && is === 'theirs' && { installation: object.installation.slice(0, 64) }),
    ...(mark && is === 'copy' && { copyOf: mark.vmid }),
    ...(addresses.length > 0 && { addresses: addresses.slice(0, mostAddresses).map((address) => address.slice(0, 45)) }),
    since: known?.since ?? timeInSeconds(sinceMs),
  }
}
