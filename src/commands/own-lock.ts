/** PVE's own short lock on the configuration of a guest: nobody's work, so a command that meets it tries again. */
import { nowIso } from '../engine/dependencies.ts'
import type { Obstacle, Outcome } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'

/** `qm cleanup` takes the lock of the configuration after each stop and holds it for up to 30 s; PVE waits 10 s for it. */
const lockPatienceMs = 40_000
/** Between two tries: a PVE that refuses at once is not asked again at once. */
const pausesMs = [1_000, 2_000, 4_000, 8_000] as const

export const isOwnLock = (text: string): boolean => text.includes("can't lock file '/var/lock/qemu-server/") && text.includes('got timeout')

/** The same again while PVE cleans up after the last stop. Nothing was done. */
export async function behindLock({ command, deps, memory }: CommandPass, words: string): Promise<Outcome | 'finished'> {
  const nowMs = deps.clock.monotonicMs()
  const { sinceMs, times } = memory.command.locked ?? { sinceMs: nowMs, times: 0 }
  if (nowMs - sinceMs >= lockPatienceMs) {
    delete memory.command.locked
    command.finish('Failed', 'CommandFailed', words, nowIso(deps.clock))
    return 'finished'
  }
  const pauseMs = pausesMs[Math.min(times, pausesMs.length - 1)] ?? 0
  memory.command.locked = { sinceMs, times: times + 1, words, untilMs: nowMs + pauseMs }
  const { upid: _, intentAt: __, earlierTasks: ___, ...status } = command.status
  command.status = status
  await command.save()
  return retriesAfter(words, pauseMs)
}

/** The pause before the next try; undefined: it may go, or it has not met the lock. */
export function pauseBehindLock({ deps, memory }: Pick<CommandPass, 'deps' | 'memory'>): Obstacle | undefined {
  const { untilMs = 0, words = '' } = memory.command.locked ?? {}
  const leftMs = untilMs - deps.clock.monotonicMs()
  return leftMs > 0 ? retriesAfter(words, leftMs) : undefined
}

const retriesAfter = (words: string, lookAfterMs: number): Obstacle => {
  const told = `PVE is busy with the VM and holds its lock; the operator retries for ${lockPatienceMs / 1000} s: ${words}`
  return { is: 'wait', reason: 'CommandRunning', message: told, lookAfterMs }
}
