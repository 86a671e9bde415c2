/** PVE's own short lock on the configuration of a guest: nobody's work, so a command that meets it tries again. */
import { nowIso } from '../engine/dependencies.ts'
import { type Outcome, wait } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'

/** `qm cleanup` takes the lock of the configuration after each stop and holds it for up to 30 s; PVE waits 10 s for it. */
const lockPatienceMs = 40_000
export const isOwnLock = (text: string): boolean => text.includes("can't lock file '/var/lock/qemu-server/") && text.includes('got timeout')

/** The same again while PVE cleans up after the last stop. Nothing was done. */
export async function behindLock({ command, deps, memory }: CommandPass, words: string): Promise<Outcome | 'finished'> {
  const nowMs = deps.clock.monotonicMs()
  const sinceMs = (memory.command.lockedSinceMs ??= nowMs)
  if (nowMs - sinceMs >= lockPatienceMs) {
    delete memory.command.lockedSinceMs
    command.finish('Failed', 'CommandFailed', words, nowIso(deps.clock))
    return 'finished'
  }
  const { upid: _, intentAt: __, ...status } = command.status
  command.status = status
  await command.save()
  return wait(
    'CommandRunning',
    `PVE is busy with the VM and holds its lock; the operator retries for ${lockPatienceMs / 1000} s: ${words}`,
    1_000,
  )
}
