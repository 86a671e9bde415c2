/** VMs that nobody can see: their node is off, or PVE has not answered for minutes. Nothing is concluded and nothing is asked of them. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { Outcome } from '../ladder/outcome.ts'
import { holds } from './conditions.ts'
import { nowIso } from './dependencies.ts'
import type { Pass } from './pass.ts'
import { isSettled, judged } from './status.ts'
import { waitingRequests } from './waiting-requests.ts'
import { conditionOf } from '../api/condition.ts'

/** Woken by the listing when the node comes back, or another node shows the VM (HA). */
const lookAfterMs = 60_000
/** So long a silent PVE changes nothing that is said of its VMs; the ProxmoxCluster says it at once. */
export const unreachableMs = 300_000

type Unseen = Pick<Pass, 'deps' | 'draft' | 'memory'>

/** The node of the VM is off. Undefined: it is not, or nobody can tell. */
export function nodeOffline(pass: Unseen, cluster: PveCluster | undefined): Outcome | undefined {
  const { draft } = pass
  const listing = cluster?.inventory.current()
  if (!cluster || !listing || cluster.inventory.unreachableSinceMs !== undefined) return undefined
  const row = listing.guests.get(draft.status.vmid ?? 0)
  const node = row && listing.nodes.get(row.node)
  if (!node || node.online || !draft.status.intentAt || draft.status.terminatedAt || draft.status.removedAt) return undefined
  const message = `Node ${node.node} of VM ${row.vmid} is offline in PVE, so the operator cannot see whether the VM runs; it looks again when the node is back or another node has the VM.`
  return say(pass, cluster, 'NodeOffline', [message, ...waitingRequests(draft)].join(' '), () =>
    draft.change(({ remoteStatus: _, ...status }) => status),
  )
}

/** A VM at rest whose PVE has been silent for so long that nobody knows how it is. Power and phase are kept as they were seen last. */
export function clusterUnreachable(pass: Unseen, cluster: PveCluster | undefined): Outcome | undefined {
  const sinceMs = cluster?.inventory.unreachableSinceMs
  if (!cluster || sinceMs === undefined || !isSettled(pass.draft.vm)) {
    // Seen again before its turn came: the next outage takes a new one.
    delete pass.memory.unseen.turnAtMs
    return undefined
  }
  const leftMs = sinceMs + unreachableMs - pass.deps.clock.monotonicMs()
  if (leftMs > 0) return undefined
  const why = cluster.inventory.lastFailure?.message ?? 'no answer'
  const sinceIso = new Date(pass.deps.clock.now() - unreachableMs + leftMs).toISOString().slice(0, 16)
  const message = `The PVE of ProxmoxCluster ${cluster.name} has not listed its guests since ${sinceIso}Z (${why}), so this object shows the last known state of the VM. The operator corrects it at the next listing.`
  return say(pass, cluster, 'ClusterUnreachable', message, () => undefined)
}

/** Many VMs become unseen at once: their statuses are written one after another, so that the API server is left to others. */
function say(
  { deps, draft, memory }: Unseen,
  cluster: PveCluster,
  reason: 'NodeOffline' | 'ClusterUnreachable',
  message: string,
  change: () => void,
): Outcome {
  const quiet: Outcome = { is: 'wait', reason, message, lookAfterMs, isQuiet: true }
  const isTold = conditionOf(draft.written.conditions, 'Ready')?.reason === reason
  if (!isTold) {
    memory.unseen.turnAtMs ??= deps.clock.monotonicMs() + cluster.unseenWrites.reserveMs()
    const leftMs = memory.unseen.turnAtMs - deps.clock.monotonicMs()
    if (leftMs > 0) return { ...quiet, lookAfterMs: leftMs }
  }
  delete memory.unseen.turnAtMs
  change()
  // The message of an outage names when it began and its last failure: it is written once.
  if (isTold && reason === 'ClusterUnreachable') return quiet
  const unknown = { type: 'Ready', status: 'Unknown', reason, message } as const
  draft.change(judged(draft.vm, nowIso(deps.clock), [unknown, holds('Reconciling', reason, message)], ['Stalled']))
  return quiet
}
