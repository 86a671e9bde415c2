/** What a ProxmoxCluster tells of guests with our mark that belong to no object (pure). */
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
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

/** Unclaimed ones first, then those of other installations and copies; by VMID. */
export function unclaimedOf(guests: readonly KnownGuest[]): UnclaimedReport {
  const marked = guests.filter((guest) => guest.class in ranks)
  const ordered = marked.toSorted((a, b) => rankOf(a) - rankOf(b) || a.vmid - b.vmid)
  return {
    unclaimed: ordered.slice(0, mostGuests).map(toldOf),
    unclaimedCount: marked.filter((guest) => guest.class === 'unclaimed').length,
  }
}

const ranks: Readonly<Partial<Record<KnownGuest['class'], number>>> = { unclaimed: 0, theirs: 1, copy: 2 }
const rankOf = (guest: KnownGuest): number => ranks[guest.class] ?? 3

function toldOf({ vmid, node, name, mark, addresses, sinceMs, class: is }: KnownGuest): Told {
  const { object } = mark ?? {}
  return {
    vmid,
    node,
    name: name.slice(0, 253),
    ...(object && { formerObject: `${object.namespace}/${object.name}`.slice(0, 127) }),
    ...(object && is === 'theirs' && { installation: object.installation.slice(0, 64) }),
    ...(mark && is === 'copy' && { copyOf: mark.vmid }),
    ...(addresses.length > 0 && { addresses: addresses.slice(0, mostAddresses).map((address) => address.slice(0, 45)) }),
    since: `${new Date(sinceMs).toISOString().slice(0, 19)}Z`,
  }
}
