/** The proof that a guest is gone, before it is called missing or its addresses are given to somebody else. */
import type { Reason } from '../api/reasons.ts'
import type { Pve } from './endpoints.ts'
import { judge } from './failures.ts'
import type { Inventory } from './inventory.ts'
import type { Listing } from './listing.ts'

export type Presence =
  | { readonly is: 'absent' }
  | { readonly is: 'present'; readonly node: string }
  | { readonly is: 'unknown'; readonly why: string; readonly reason: Reason }

/** What the proof is made with. */
export interface Witnesses {
  readonly pve: Pick<Pve, 'identity' | 'clusterStatus' | 'isVmidFree'>
  readonly inventory: Pick<Inventory, 'since'>
}

/**
 * Absent is: not in a listing begun at or after `notBeforeMs` (by the clock of the inventory), and PVE, the one on record and quorate, says
 * that no guest of the cluster has the number. The listing alone proves nothing: it leaves out in silence what the token may not see.
 * `nextid` looks at the configs of all nodes, of those that are off as well, and answers any token. Throws when PVE cannot be asked.
 */
export async function presenceOf({ pve, inventory }: Witnesses, vmid: number, notBeforeMs: number): Promise<Presence> {
  const listing = await inventory.since(notBeforeMs)
  const row = listing.guests.get(vmid)
  if (row !== undefined) return { is: 'present', node: row.node }
  await pve.identity()
  if (!(await isQuorate(pve, listing)))
    return { is: 'unknown', reason: 'NoQuorum', why: 'the part of PVE that answers has no quorum, so what it shows may be old' }
  if (await pve.isVmidFree(vmid)) return { is: 'absent' }
  const why = `PVE says that VMID ${vmid} is in use and does not list the guest to the token; give the token VM.Audit on /vms/${vmid}`
  return { is: 'unknown', reason: 'ListingDoubtful', why }
}

/** A token that may not ask (Sys.Audit on /) sees which nodes are there: more than half of them make a quorum. */
async function isQuorate(pve: Witnesses['pve'], { nodes }: Listing): Promise<boolean> {
  try {
    return (await pve.clusterStatus()).quorate
  } catch (fault) {
    if (judge(fault).kind !== 'denied') throw fault
    const online = [...nodes.values()].filter((node) => node.online).length
    return online * 2 > nodes.size
  }
}
