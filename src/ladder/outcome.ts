import type { Reason } from '../api/words.ts'

/** What doing tells us. There is no "success": only the next look may say that something is finished. */
export type Outcome =
  /** Look again now. */
  | { readonly is: 'done' }
  /** Somebody else works: a PVE task, a lock, a slot. `lookAfterMs` is when to look even if nobody wakes us. */
  | {
      readonly is: 'wait'
      readonly reason: Reason
      readonly on: string
      readonly lookAfterMs: number
      readonly task?: string
      readonly isQuiet?: boolean
    }
  /** May pass by itself; the pause grows with each attempt. */
  | { readonly is: 'retry'; readonly reason: Reason; readonly why: string }
  /** A person must act; looked at again when spec, package, pool, cluster object or PVE change, and slowly by itself. */
  | { readonly is: 'stalled'; readonly reason: Reason; readonly why: string }

export const done: Outcome = { is: 'done' }
export const waitForTask = (task: string, on: string): Outcome => ({ is: 'wait', reason: 'TaskRunning', on, lookAfterMs: 30_000, task })
export const wait = (reason: Reason, on: string, lookAfterMs = 30_000): Outcome => ({ is: 'wait', reason, on, lookAfterMs })
export const retry = (reason: Reason, why: string): Outcome => ({ is: 'retry', reason, why })
export const stalled = (reason: Reason, why: string): Outcome => ({ is: 'stalled', reason, why })
