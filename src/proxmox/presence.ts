import type { Pve } from './endpoints.ts'
import { judge } from './failures.ts'
import type { Inventory } from './inventory.ts'
import { lacksGuest } from './listing.ts'

export type Presence = { is: 'absent' } | { is: 'present'; node: string } | { is: 'unknown'; why: string }

/**
 * The proof that a guest is gone, before its addresses are given to somebody else. A listing alone is none: it silently leaves out
 * what the token may not see, so after a lost privilege every VM would seem gone. Hence one direct question more, which PVE answers
 * with 403 before it looks for the guest (recording 39), and with `Configuration file … does not exist` only to those who may see it.
 */
export async function presenceOf(cluster: { pve: Pve; inventory: Inventory }, vmid: number, notBeforeMs: number): Promise<Presence> {
  const listing = await cluster.inventory.since(notBeforeMs)
  const row = listing.guests.get(vmid)
  if (row !== undefined) return { is: 'present', node: row.node }
  if (!lacksGuest(listing, vmid, notBeforeMs)) {
    const off = [...listing.nodes.values()].filter(({ online }) => !online).map(({ node }) => node)
    return { is: 'unknown', why: off.length > 0 ? `node ${off.join(', ')} is offline and may have it` : 'PVE shows no nodes' }
  }
  const [node] = listing.nodes.keys()
  try {
    await cluster.pve.config({ node: node ?? '', vmid })
    return { is: 'present', node: node ?? '' }
  } catch (fault) {
    const failure = judge(fault)
    return failure.kind === 'absent' ? { is: 'absent' } : { is: 'unknown', why: failure.message }
  }
}
