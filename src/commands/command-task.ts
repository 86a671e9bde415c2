/** The task that a command has started: read once in each pass until it ended. */
import { forgetLastSent } from '../engine/apply/repeats.ts'
import { type Outcome, waitForTask } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { behindLock, isOwnLock } from './own-lock.ts'

/** Waited for while it runs, and sent again while PVE's own lock was in its way; its words if it failed, which ends the command (the VM's own pass tries again by itself). Undefined: go on. */
export async function readTask(pass: CommandPass): Promise<Outcome | 'finished' | { readonly failedWith: string } | undefined> {
  const { command, cluster, memory } = pass
  const { upid, ...status } = command.status
  if (!upid) return undefined
  const end = cluster.tasks.ended(upid)
  if (!end) return waitForTask(upid, `${command.command.spec.command} is under way.`)
  command.status = status
  if (end.is !== 'failed') return undefined
  // It did not end well: what it was sent for has its own backoff, and is not taken for a request without effect.
  forgetLastSent(memory)
  if (isOwnLock(end.exitstatus)) return await behindLock(pass, end.exitstatus)
  return { failedWith: end.exitstatus }
}
