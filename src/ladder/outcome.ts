import type { Reason } from '../api/reasons.ts'

/** What doing tells us. There is no "success": only the next look may say that something is finished. */
export type Outcome =
  /** Look again now. */
  | { readonly is: 'done' }
  /** Somebody else works: a PVE task, a lock, a slot. `lookAfterMs` is when to look even if nobody wakes us. */
  | {
      readonly is: 'wait'
      readonly reason: Reason
      readonly message: string
      readonly lookAfterMs: number
      readonly task?: string
      readonly isQuiet?: boolean
      /** How often it was tried. */
      readonly attempts?: number
    }
  /** May pass by itself; the pause grows with each attempt. */
  | {
      readonly is: 'retry'
      readonly reason: Reason
      readonly message: string
      /** Who counts by himself: failures so far, and the pause in milliseconds. Else the queue counts. */
      readonly attempts?: number
      readonly afterMs?: number
    }
  /** A person must act; looked at again when spec, package, pool, cluster object or PVE change, and slowly by itself. */
  | { readonly is: 'stalled'; readonly reason: Reason; readonly message: string }

/** All but done: work cannot go on now, and the message says why. */
export type Obstacle = Exclude<Outcome, { readonly is: 'done' }>

export const done: Outcome = { is: 'done' }
export const waitForTask = (task: string, message: string, lookAfterMs = 30_000): Obstacle => ({
  is: 'wait',
  reason: 'TaskRunning',
  message,
  lookAfterMs,
  task,
})
export const wait = (reason: Reason, message: string, lookAfterMs = 30_000): Obstacle => ({ is: 'wait', reason, message, lookAfterMs })
export const retry = (reason: Reason, message: string): Obstacle => ({ is: 'retry', reason, message })
export const stalled = (reason: Reason, message: string): Obstacle => ({ is: 'stalled', reason, message })

const kinds: ReadonlySet<unknown> = new Set<Outcome['is']>(['done', 'wait', 'retry', 'stalled'])

/** Tells an outcome from what a function answers when all is well. */
export const isOutcome = <T>(answer: T | Outcome): answer is Extract<T, Outcome> | Outcome =>
  typeof answer === 'object' && answer !== null && 'is' in answer && kinds.has(answer.is)
