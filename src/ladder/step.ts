import type { LocalStatus, Reason } from '../api/words.ts'
import type { Part, Seen, Want } from './machine.ts'
import type { World } from './guest-writer.ts'

/** What looking tells us. `what` is a sentence for people: it becomes event, history line and message. */
export type Verdict =
  | { readonly is: 'satisfied' }
  | { readonly is: 'missing'; readonly what: string }
  /** We will not (a shrink): a condition, not an obstacle for the steps behind it. */
  | { readonly is: 'refused'; readonly reason: Reason; readonly what: string }

export const satisfied: Verdict = { is: 'satisfied' }
export const missing = (what: string): Verdict => ({ is: 'missing', what })
export const refused = (reason: Reason, what: string): Verdict => ({ is: 'refused', reason, what })

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

/**
 * One subject of the ladder. `check` is pure: no clock, no network, no randomness. `apply` makes at most one write to PVE
 * and is only called when `check` said `missing` for the same `seen` and `want`.
 */
export interface Step {
  /** What status.step.name shows. */
  readonly name: string
  /** The word of the manual that is reached once this step and all before it hold. */
  readonly rung: LocalStatus
  /** What must have been looked at before `check` can answer. */
  readonly needs: Part
  check(seen: Seen, want: Want): Verdict
  apply(context: StepContext): Promise<Outcome>
}

export interface StepContext {
  readonly world: World
  readonly seen: Seen
  readonly want: Want
}

export type Ladder = readonly Step[]
