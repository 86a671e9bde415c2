/** The node of the VM is off: its power is unknown, nothing is concluded about it and nothing is asked of it until the node is back. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { Outcome } from '../ladder/outcome.ts'
import { holds } from './conditions.ts'
import { type Dependencies, nowIso } from './dependencies.ts'
import { judged } from './status.ts'
import type { VMStatusDraft } from './status-draft.ts'

/** Woken by the listing when the node comes back, or another node shows the VM (HA). */
const lookAfterMs = 60_000

export function nodeOffline(deps: Dependencies, draft: VMStatusDraft, cluster: PveCluster | undefined): Outcome | undefined {
  const listing = cluster?.inventory.current()
  if (!cluster || !listing || cluster.inventory.unreachableSinceMs !== undefined) return undefined
  const row = listing.guests.get(draft.status.vmid ?? 0)
  const node = row && listing.nodes.get(row.node)
  if (!node || node.online || !draft.status.intentAt) return undefined
  const reason = 'NodeOffline'
  const message = `Node ${node.node} of VM ${row.vmid} is offline in PVE, so nothing is known of the VM's power; it is looked at when the node is back, or another one has the VM.`
  draft.change(
    judged(
      draft.vm,
      nowIso(deps.clock),
      [{ type: 'Ready', status: 'Unknown', reason, message }, holds('Reconciling', reason, message)],
      ['Stalled'],
    ),
    ({ remoteStatus: _, ...status }) => status,
  )
  return { is: 'wait', reason, message, lookAfterMs, isQuiet: true }
}
