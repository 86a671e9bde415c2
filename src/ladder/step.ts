import type { LocalStatus, StepName } from '../api/words.ts'
import type { Reason } from '../api/reasons.ts'
import type { Part, Seen, Want } from './machine.ts'
import type { GuestWriter } from './guest-writer.ts'
import type { Outcome } from './outcome.ts'

/** What looking tells us. `message` is a sentence for people: it becomes event, history line and message. */
export type Verdict =
  | { readonly is: 'satisfied' }
  | { readonly is: 'missing'; readonly message: string }
  /** We will not (a shrink): a condition, not an obstacle for the steps behind it. */
  | { readonly is: 'refused'; readonly reason: Reason; readonly message: string }

export const satisfied: Verdict = { is: 'satisfied' }
export const missing = (message: string): Verdict => ({ is: 'missing', message })
export const refused = (reason: Reason, message: string): Verdict => ({ is: 'refused', reason, message })

/**
 * One subject of the ladder. `check` is pure: no clock, no network, no randomness. `apply` makes at most one write to PVE
 * and is only called when `check` said `missing` for the same `seen` and `want`.
 */
export interface Step {
  /** What status.step.name shows. */
  readonly name: StepName
  /** The word of the manual that is reached once this step and all before it hold. */
  readonly rung: LocalStatus
  /** What must have been looked at before `check` can answer. */
  readonly needs: Part
  check(seen: Seen, want: Want): Verdict
  /** What PVE refuses of one subject holds up neither the others nor the steps behind this one. Absent: it does. */
  subjects?(want: Want): readonly StepSubject[]
  apply(context: StepContext): Promise<Outcome>
  /** Instead of `apply`, once that ended well and its effect does not show. Absent: the same again. */
  applyAgain?(context: StepContext): Promise<Outcome>
}

/** A part of what a step is for, with the wish for it alone. */
export interface StepSubject {
  /** For people: `disk data`. */
  readonly name: string
  readonly want: Want
}

export interface StepContext {
  readonly writer: GuestWriter
  readonly seen: Seen
  readonly want: Want
}

export type Ladder = readonly Step[]
