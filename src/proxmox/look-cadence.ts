/** When to look at a task: all figures in milliseconds. */
const firstGuessMs = 500
/** What the two that every VM needs take on any PVE: a resize allocates nothing, and no guest starts in less than half a second. */
const firstGuesses: Readonly<Record<string, number>> = { resize: 100, qmstart: 550 }
const soonestFirstLookMs = 100
/** A type that took long lately is still looked at this early: the next one may fail at once. */
const latestFirstLookMs = 10_000
const secondLookMs = 250
const growth = 1.5
const capMs = 2_000
const capOfOldTasksMs = 5_000
const oldMs = 60_000
/** What was known to run still at some age is believed a little less with each task that is not caught running. */
const doubt = 0.9

/** Between these ages tasks of a type ended lately. */
interface Usual {
  readonly stillRunningMs: number
  readonly overMs: number
}

export class LookCadence {
  readonly #usual = new Map<string, Usual>()

  /** After what this type took lately: in the middle of what is known of it. */
  firstLookMs(type: string): number {
    const usual = this.#usual.get(type)
    const guess = usual ? (usual.stillRunningMs + usual.overMs) / 2 : (firstGuesses[type] ?? firstGuessMs)
    return Math.min(Math.max(guess, soonestFirstLookMs), latestFirstLookMs)
  }

  /** After `looks` looks that found it running, `ageMs` after it began. */
  nextLookMs(looks: number, ageMs: number): number {
    if (ageMs >= oldMs) return capOfOldTasksMs
    return Math.min(secondLookMs * growth ** looks, capMs)
  }

  /** A task of this type was seen running last at the age `ranMs` (0: never) and over at `overMs`. */
  learn(type: string, ranMs: number, overMs: number): void {
    const before = this.#usual.get(type)?.stillRunningMs ?? 0
    const stillRunningMs = ranMs > 0 ? ranMs : Math.min(before * doubt, overMs)
    this.#usual.set(type, { stillRunningMs, overMs })
  }
}
