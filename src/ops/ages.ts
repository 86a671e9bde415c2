/** For how long things have been so, by the clock that never jumps. */
import type { Clock } from './clock.ts'

interface Seen {
  readonly id: string
  readonly ageMs: number
  readonly monotonicMs: number
}

/** Only of what a process sees for the first time does the machine's clock tell the age: from then on it may be set as anybody likes. */
export class Ages {
  readonly #clock: Clock
  readonly #seen = new Map<string, Seen>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In ms. `id`: another one under the same key is another thing. `sinceMs`: when it says that it began, since the epoch. */
  ageMs(key: string, id: string, sinceMs: number): number {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#seen.get(key)
    if (known?.id === id) return known.ageMs + nowMs - known.monotonicMs
    const ageMs = Math.max(0, this.#clock.now() - sinceMs)
    this.#seen.set(key, { id, ageMs, monotonicMs: nowMs })
    return ageMs
  }

  forget(key: string): void {
    this.#seen.delete(key)
  }
}
