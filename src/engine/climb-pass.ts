import type { PveCluster } from '../cluster/cluster.ts'
import type { Want } from '../ladder/machine.ts'
import type { Obstacle } from '../ladder/outcome.ts'
import type { Ladder } from '../ladder/step.ts'
import type { Look } from './look.ts'
import type { Pass } from './pass.ts'

/** One VM that exists as an intent, on its way up the ladder. */
export interface Climb extends Pass {
  readonly cluster: PveCluster
  readonly ladder: Ladder
  /** The spec has been applied before: what is missing now was changed in PVE. */
  readonly isRepair: boolean
  readonly look: Look
  /** What the clone request carries. */
  readonly identity: { readonly vmid: number; readonly name: string; readonly description: string }
  /** What is wanted, once the VM's own configuration shows its disks. An obstacle: it cannot be told. */
  readonly want: () => Want | Obstacle
}
