/** Time as everything but the edge sees it: handed in, so that tests and the simulator decide how fast it goes. */
export interface Clock {
  /** Milliseconds since the epoch. May jump when somebody sets the machine's clock. */
  now(): number
  /** As `now`, but it never jumps: the machine's time when the process began, and what has passed since. For ages inside one process. */
  monotonicMs(): number
  /** Resolves after `ms` or as soon as the signal aborts, whichever is first. Never rejects: the caller looks at `signal.aborted`. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Runs once after `ms`; the answer cancels it and may be called any number of times. */
  after(ms: number, run: () => void): () => void
}

/** `setTimeout` fires at once for anything longer (2^31 - 1 ms, 24.8 days), and address records are kept for a year. */
const longestTimerMs = 2_147_483_647

function after(ms: number, run: () => void): () => void {
  let leftMs = Math.max(0, ms)
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const partMs = Math.min(leftMs, longestTimerMs)
    leftMs -= partMs
    timer = setTimeout(() => (leftMs > 0 ? arm() : run()), partMs)
  }
  arm()
  return () => clearTimeout(timer)
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = after(ms, finish)
    signal?.addEventListener('abort', finish, { once: true })
  })
}

export const systemClock: Clock = { now: () => Date.now(), monotonicMs: () => performance.timeOrigin + performance.now(), sleep, after }

interface FirstLook {
  readonly id: string
  readonly ageMs: number
  readonly monotonicMs: number
}

/** Only of what a process sees for the first time does the machine's clock tell the age: from then on it may be set as anybody likes. */
export class Ages {
  readonly #clock: Clock
  readonly #seen = new Map<string, FirstLook>()

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
