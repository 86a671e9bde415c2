/** Which VMs this process has compared with Proxmox VE since it began to act. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Outcome } from '../../ladder/outcome.ts'
import type { Memory } from '../memory.ts'

/** Asked before a pass: whether there is a listing of the cluster, so that the pass compares with it whatever else it looks at. */
export const isListed = (cluster: Pick<PveCluster, 'inventory'> | undefined): boolean =>
  cluster?.inventory.current() !== undefined && cluster.inventory.unreachableSinceMs === undefined

/** A pass that failed has compared nothing that anybody may rely on. */
export function noteChecked(memory: Memory, wasListed: boolean, outcome: Outcome): void {
  if (wasListed && outcome.is !== 'retry') memory.controller.isChecked = true
}
