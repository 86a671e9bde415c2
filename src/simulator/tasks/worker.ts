import type { TaskFault } from '../contracts.ts'
import type { SimClock } from '../world/clock.ts'
import type { Flocks } from '../world/flock.ts'

/** A failure that was asked for: its text is the exit status as it stands, no prefix is added. */
export class InjectedFailure extends Error {}

/** What a task's body has to itself: its log, its waits, its file locks. */
export class Worker {
  readonly fault: TaskFault | undefined
  /** Resolves when the process was killed. */
  readonly died: Promise<void>
  warnings = 0
  readonly #clock: SimClock
  readonly #flocks: Flocks
  readonly #log: string[]
  readonly #abort = new AbortController()
  readonly #releases = new Set<() => void>()
  #dead = false
  #struck = false
  #onDeath: () => void = () => {}

  constructor(clock: SimClock, flocks: Flocks, log: string[], fault?: TaskFault) {
    this.#clock = clock
    this.#flocks = flocks
    this.#log = log
    this.fault = fault
    this.died = new Promise((resolve) => {
      this.#onDeath = resolve
    })
  }

  get isInterrupted(): boolean {
    return this.#abort.signal.aborted
  }

  log(line: string): void {
    if (!this.#dead) this.#log.push(line)
  }

  warn(line: string): void {
    this.warnings++
    this.log(`WARN: ${line}`)
  }

  /** Waits; a SIGTERM ends the wait with `interrupted by signal`, a SIGKILL lets it never end. */
  async sleep(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#abort.signal)
    if (this.#dead) await never()
  }

  /** The operation's own time. Here an injected failure or death strikes. */
  async work(ms: number): Promise<void> {
    const fault = this.#struck ? undefined : this.fault
    this.#struck = true
    const total = ms + (fault?.extraMs ?? 0)
    if (fault?.fail === undefined && !fault?.kill) {
      await this.sleep(total)
      return
    }
    await this.sleep(total / 2)
    if (fault.fail !== undefined) throw new InjectedFailure(fault.fail)
    this.die()
    await never()
  }

  /** Takes a file lock that dies with this process. */
  async lock(path: string, timeoutMs: number, mode: 'shared' | 'exclusive' = 'exclusive'): Promise<() => void> {
    let waited = false
    const onWait = () => {
      waited = true
      this.log('trying to acquire lock...')
    }
    const release = await this.#flocks.take(path, timeoutMs, mode, { onWait, signal: this.#abort.signal })
    if (this.#dead) {
      release()
      await never()
    }
    if (waited) this.log(' OK')
    const once = () => {
      this.#releases.delete(once)
      release()
    }
    this.#releases.add(once)
    return once
  }

  interrupt(): void {
    this.#abort.abort()
  }

  die(): void {
    if (this.#dead) return
    this.#dead = true
    this.releaseAll()
    this.#onDeath()
  }

  releaseAll(): void {
    for (const release of this.#releases) release()
  }
}

function never(): Promise<never> {
  return new Promise(() => {})
}
