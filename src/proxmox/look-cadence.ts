/** When to look at a task: all figures in milliseconds. */
const firstGuessMs = 500
const soonestFirstLookMs = 100
/** A type that took long lately is still looked at this early: the next one may fail at once. */
const latestFirstLookMs = 10_000
const secondLookMs = 250
const growth = 1.5
const capMs = 2_000
const capOfOldTasksMs = 5_000
const oldMs = 60_000

export class LookCadence {
  readonly #usualMs = new Map<string, number>()

  /** After what this type took lately. */
  firstLookMs(type: string): number {
    return Math.min(this.#usualMs.get(type) ?? firstGuessMs, latestFirstLookMs)
  }

  /** After `looks` looks that found it running, `ageMs` after it began. */
  nextLookMs(looks: number, ageMs: number): number {
    if (ageMs >= oldMs) return capOfOldTasksMs
    return Math.min(secondLookMs * growth ** looks, capMs)
  }

  /** A task of this type was over `tookMs` after it began, at the first look after `missed` that found it running. */
  learn(type: string, missed: number, tookMs: number): void {
    // Over at the first look: it may have been over long before, so the next one is looked at a little earlier.
    const usual = missed === 0 ? tookMs * 0.9 : tookMs
    this.#usualMs.set(type, Math.max(soonestFirstLookMs, usual))
  }
}
