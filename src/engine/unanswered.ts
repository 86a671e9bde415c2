/** Requests whose answer was lost: how long ago they left, by the clock that never jumps. */
import type { Pass } from './pass.ts'

/** PVE may begin a request this long after it: it is checked and forked first. After that its task would be listed (ms). */
export const mayBeginMs = 60_000

/**
 * In ms, since this process sent the request (called just before it leaves) or first saw it on record: a clock that is set forward makes no
 * request old, and one that is set back keeps nobody waiting. `request` names it: a uid and the time it was asked at.
 */
export function unansweredForMs({ memory, deps }: Pick<Pass, 'memory' | 'deps'>, request: string): number {
  const nowMs = deps.clock.monotonicMs()
  const sinceMs = memory.unanswered.get(request) ?? nowMs
  memory.unanswered.set(request, sinceMs)
  return nowMs - sinceMs
}
