/** Ends a wait that was under way when its task was interrupted or its world was thrown away. */
export class Interrupted extends Error {}

/** The simulated cluster's clock. `speed` divides every duration; the time of day is the real one until somebody turns it. */
export class SimClock {
  readonly speed: number
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopped = false
  #turnedMs = 0

  constructor(speed = 1) {
    this.speed = speed
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#turnedMs
  }

  /** Seconds since the epoch, as PVE prints times. */
  seconds(): number {
    return Math.floor(this.now() / 1000)
  }

  /** Simulated milliseconds since a moment of `now()`. */
  since(ms: number): number {
    return (this.now() - ms) * this.speed
  }

  /** The time of day is so much later from now on; what is under way takes as long as before. */
  turn(ms: number): void {
    this.#turnedMs += ms
  }

  /** Runs once after `ms` of simulated time; returns the cancel function. */
  after(ms: number, run: () => void): () => void {
    if (this.#stopped) return () => {}
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms / this.speed)
    this.#timers.add(timer)
    return () => {
      clearTimeout(timer)
      this.#timers.delete(timer)
    }
  }

  /** Waits `ms` of simulated time; rejects with Interrupted when the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new Interrupted('interrupted by signal'))
        return
      }
      const onAbort = () => {
        cancel()
        reject(new Interrupted('interrupted by signal'))
      }
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Cancels everything that is under way; waits on it never end. */
  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
