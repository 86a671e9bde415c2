import type { Clock } from '../../src/ops/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly run: () => void
  real: NodeJS.Timeout
}

/** The system's clock with a lever: `skip` makes it later at once, and what had to wait for that moment happens now. */
export class TestClock implements Clock {
  #aheadMs = 0
  #jumpedMs = 0
  #slowness = 1
  /** Since it has been as slow: by the machine's clock, and the time that had passed before. */
  #slowSince = { realMs: 0, passedMs: 0 }
  readonly #timers = new Set<Timer>()

  now(): number {
    const realMs = performance.now()
    return Date.now() - Math.round(realMs - this.#passedMs(realMs)) + this.#aheadMs + this.#jumpedMs
  }

  monotonicMs(): number {
    return performance.timeOrigin + this.#passedMs() + this.#aheadMs
  }

  after(ms: number, run: () => void): () => void {
    const timer: Timer = { dueMs: this.monotonicMs() + Math.max(0, ms), run, real: setTimeout(() => undefined, 0) }
    this.#timers.add(timer)
    this.#arm(timer)
    return () => {
      clearTimeout(timer.real)
      this.#timers.delete(timer)
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel()
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      const cancel = this.after(ms, finish)
      signal?.addEventListener('abort', finish, { once: true })
    })
  }

  /** Somebody sets the machine's clock: no time has passed. */
  jump(ms: number): void {
    this.#jumpedMs += ms
  }

  /** From now on its time passes so many times more slowly than the machine's: what must be over in 3 s may take a slow machine longer. */
  slowDown(times: number): void {
    const realMs = performance.now()
    this.#slowSince = { realMs, passedMs: this.#passedMs(realMs) }
    this.#slowness = times
    for (const timer of this.#timers) this.#arm(timer)
  }

  #passedMs(realMs = performance.now()): number {
    return this.#slowSince.passedMs + (realMs - this.#slowSince.realMs) / this.#slowness
  }

  skip(ms: number): void {
    this.#aheadMs += ms
    for (const timer of this.#timers) this.#arm(timer)
  }

  #arm(timer: Timer): void {
    clearTimeout(timer.real)
    const partMs = Math.min(Math.max(0, timer.dueMs - this.monotonicMs()) * this.#slowness, longestTimerMs)
    timer.real = setTimeout(() => {
      if (timer.dueMs > this.monotonicMs() + 1) return this.#arm(timer)
      this.#timers.delete(timer)
      timer.run()
    }, partMs)
  }
}

/** `setTimeout` fires at once for anything longer. */
const longestTimerMs = 2_147_483_647
