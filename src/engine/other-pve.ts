/** Another PVE than the one on record answers: nothing is known of the VM, not even its power, and nothing is done to it. */
import type { PveCluster } from '../cluster/cluster.ts'
import { type Obstacle, stalled } from '../ladder/outcome.ts'
import type { VMStatusDraft } from './status-draft.ts'

export function otherPve(draft: VMStatusDraft, cluster: PveCluster | undefined): Obstacle | undefined {
  if (cluster?.identity.other === undefined) return undefined
  draft.change(({ remoteStatus: _, ...status }) => status)
  const remedy = `Put the endpoints of ProxmoxCluster ${cluster.name} right, or confirm the new PVE: spec.identity: "${cluster.identity.other}".`
  return stalled('ClusterChanged', `At the endpoints of ProxmoxCluster ${cluster.name} ${cluster.identity.fault().message}. ${remedy}`)
}
