import type { Clock } from './clock.ts'

const windowMs = 60_000

/** How many requests of one kind left in the last minute. Keys that were quiet for so long cost nothing. */
export class RequestRate {
  readonly #clock: Clock
  readonly #limit: number
  readonly #leftMs = new Map<number, number[]>()
  #sweptAtMs: number

  /** At most `limit` of one key in any minute. */
  constructor(o: { clock: Clock; limit: number }) {
    this.#clock = o.clock
    this.#limit = o.limit
    this.#sweptAtMs = o.clock.monotonicMs()
  }

  note(key: number): void {
    const nowMs = this.#clock.monotonicMs()
    const recent = this.#recent(key, nowMs)
    recent.push(nowMs)
    this.#leftMs.set(key, recent)
    if (nowMs - this.#sweptAtMs > windowMs) this.#sweep(nowMs)
  }

  /** In how many ms the key may send again; 0: now. */
  pauseMs(key: number): number {
    const nowMs = this.#clock.monotonicMs()
    const recent = this.#recent(key, nowMs)
    const oldest = recent[recent.length - this.#limit]
    return oldest === undefined ? 0 : Math.max(0, oldest + windowMs - nowMs)
  }

  /** What was sent had its effect: the count begins again. */
  forget(key: number): void {
    this.#leftMs.delete(key)
  }

  #recent(key: number, nowMs: number): number[] {
    return (this.#leftMs.get(key) ?? []).filter((ms) => nowMs - ms < windowMs)
  }

  #sweep(nowMs: number): void {
    this.#sweptAtMs = nowMs
    for (const key of this.#leftMs.keys()) if (this.#recent(key, nowMs).length === 0) this.#leftMs.delete(key)
  }
}
