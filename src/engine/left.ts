/** What PVE refused of a change, as a process remembers it (apply/leaving.ts). */
import type { Reason } from '../api/reasons.ts'
import type { Step, StepSubject } from '../ladder/step.ts'

export interface Left {
  readonly reason: Reason
  /** For people, without its full stop. */
  readonly sentence: string
  /** A person must act. */
  readonly terminal: boolean
  readonly tries: number
  /** PVE is not asked again before (monotonic ms). */
  readonly untilMs: number
}

/** What was asked of PVE; `of`: one subject alone. */
export interface Asked {
  readonly step: Step
  readonly because?: string
  readonly of?: StepSubject
}
