/** The task that a command has started: read once in each pass until it ended. */
import { forgetLastSent } from '../engine/apply/repeats.ts'
import { type Obstacle, waitForTask } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'

/** Waited for while it runs; its words if it failed, which ends the command (the VM's own pass tries again by itself). Undefined: go on. */
export function readTask({ command, cluster, memory }: CommandPass): Obstacle | { readonly failedWith: string } | undefined {
  const { upid, ...status } = command.status
  if (!upid) return undefined
  const end = cluster.tasks.ended(upid)
  if (!end) return waitForTask(upid, `${command.command.spec.command} is under way.`)
  command.status = status
  if (end.is !== 'failed') return undefined
  // It did not end well: what it was sent for has its own backoff, and is not taken for a request without effect.
  forgetLastSent(memory)
  return { failedWith: end.exitstatus }
}
