import type { SimClock } from './clock.ts'

interface Waiter {
  mode: 'shared' | 'exclusive'
  grant: () => void
}

interface Lock {
  holders: number
  mode: 'shared' | 'exclusive'
  waiters: Waiter[]
}

/** File locks: in memory, gone with their process; not the `lock` property of a config (PVE::Tools lock_file). */
export class Flocks {
  readonly #locks = new Map<string, Lock>()
  readonly #clock: SimClock

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  /**
   * Takes the lock, waiting up to `timeoutMs`. Rejects with PVE's `can't lock file 'PATH' - got timeout`.
   * `onWait` runs when it is not free at once (workers print `trying to acquire lock...` then); the signal ends the wait.
   */
  async take(
    path: string,
    timeoutMs: number,
    mode: 'shared' | 'exclusive' = 'exclusive',
    o: { onWait?: () => void; signal?: AbortSignal } = {},
  ): Promise<() => void> {
    const lock = this.#locks.get(path)
    if (!lock) {
      this.#locks.set(path, { holders: 1, mode, waiters: [] })
      return this.#releaser(path)
    }
    if (lock.mode === 'shared' && mode === 'shared') {
      lock.holders++
      return this.#releaser(path)
    }
    o.onWait?.()
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        mode,
        grant: () => {
          cancel()
          o.signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const giveUp = (text: string) => {
        cancel()
        lock.waiters = lock.waiters.filter((w) => w !== waiter)
        reject(new Error(text))
      }
      const onAbort = () => giveUp('interrupted by signal')
      o.signal?.addEventListener('abort', onAbort, { once: true })
      const cancel = this.#clock.after(timeoutMs, () => giveUp(`can't lock file '${path}' - got timeout`))
      lock.waiters.push(waiter)
    })
    return this.#releaser(path)
  }

  isHeld(path: string): boolean {
    return this.#locks.has(path)
  }

  #releaser(path: string): () => void {
    let released = false
    return () => {
      if (released) return
      released = true
      this.#release(path)
    }
  }

  #release(path: string): void {
    const lock = this.#locks.get(path)
    if (!lock) return
    lock.holders--
    if (lock.holders > 0) return
    const first = lock.waiters.shift()
    if (!first) {
      this.#locks.delete(path)
      return
    }
    lock.mode = first.mode
    const granted = [first]
    if (first.mode === 'shared') {
      granted.push(...lock.waiters.filter((w) => w.mode === 'shared'))
      lock.waiters = lock.waiters.filter((w) => w.mode !== 'shared')
    }
    lock.holders = granted.length
    for (const waiter of granted) waiter.grant()
  }
}
