/** How a command ends, and what it says of its progress. */
import type { Reason } from '../api/reasons.ts'
import { nowIso } from '../engine/dependencies.ts'
import { type Outcome } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
/** What a command is doing: `finished` is in its draft, `goes on` lets the pass over the VM do the work. */
export type CommandProgress = Outcome | 'finished' | 'goes on'

/** Ends a command well. */
export function endSucceeded({ command, deps }: CommandPass, message: string): 'finished' {
  command.finish('Succeeded', 'Succeeded', message, nowIso(deps.clock))
  return 'finished'
}

/** Ends a command as endFailed, with the reason and what the person reads. */
export function endFailed({ command, deps }: CommandPass, reason: Reason, why: string): 'finished' {
  command.finish('Failed', reason, why, nowIso(deps.clock))
  return 'finished'
}
