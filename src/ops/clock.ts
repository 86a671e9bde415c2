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
