import type { Clock } from './clock.ts'

/** A token bucket: so many calls in a row, then no more than so many in a while. One for each credential, as providers count by credential. */
export class Pace {
  readonly #clock: Clock
  readonly #burst: number
  readonly #everyMs: number
  #tokens: number
  #filledAtMs: number

  constructor(o: { calls: number; perSeconds: number; burst: number; clock: Clock }) {
    this.#clock = o.clock
    this.#burst = o.burst
    this.#everyMs = (o.perSeconds * 1000) / o.calls
    this.#tokens = o.burst
    this.#filledAtMs = o.clock.monotonicMs()
  }

  /** Resolves when the next call may go. Callers are served in the order they came. */
  async turn(): Promise<void> {
    this.#fill()
    this.#tokens -= 1
    if (this.#tokens < 0) await this.#clock.sleep(-this.#tokens * this.#everyMs)
  }

  /** Whether a call may go now; then it has gone. */
  tryTurn(): boolean {
    this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Takes a turn that comes later; in how many ms. One that would come after `mostMs` is not taken: whoever goes then makes nobody wait longer. */
  reserveMs(mostMs = Infinity): number {
    this.#fill()
    if ((1 - this.#tokens) * this.#everyMs > mostMs) return mostMs
    this.#tokens -= 1
    return this.#tokens < 0 ? -this.#tokens * this.#everyMs : 0
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs()
    const gained = Math.max(0, nowMs - this.#filledAtMs) / this.#everyMs
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#filledAtMs = nowMs
  }
}
