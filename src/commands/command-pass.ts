import type { PveCluster } from '../cluster/cluster.ts'
import type { Pass } from '../engine/pass.ts'
import type { CommandStatusDraft } from './command-status-draft.ts'

/** One pass over one VM, with the command it carries out. */
export interface CommandPass extends Pass {
  readonly cluster: PveCluster
  readonly command: CommandStatusDraft
}
