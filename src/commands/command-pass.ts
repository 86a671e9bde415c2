import type { PveCluster } from '../cluster/cluster.ts'
import type { Pass } from '../engine/pass.ts'
import type { CommandStatusDraft } from './command-status-draft.ts'

/** One pass over one VM, with the command it carries out. */
export interface CommandPass extends Pass {
  readonly cluster: PveCluster
  readonly command: CommandStatusDraft
}

/** Which request of the command is open: each has its own age (unanswered.ts). */
export const requestOf = ({ command }: Pick<CommandPass, 'command'>): string => `${command.command.metadata.uid} ${command.status.intentAt}`
