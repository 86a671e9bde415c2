/** What is to be worked on. */
import type { Clock } from '../ops/clock.ts'
import type { QueueMeter, WorkResult } from '../ops/queue-metrics.ts'
import { backoffMs } from './backoff.ts'
import { QueueLine } from './queue-line.ts'

interface Delayed {
  dueMs: number
  cancel: () => void
}

interface Work {
  readonly sinceMs: number
  /** What the work has asked for so far. */
  result: WorkResult
}

const retryBaseMs = 1_000
const retryCapMs = 300_000

/**
 * Keys waiting for work, as client-go's queue keeps them: a key is in it once, is worked on by one worker at a time, and one added
 * while it is worked on is worked on once more afterwards. First come, first served, so no key can starve another; only what has been begun
 * and was waited for (`addFirst`) goes before what is to be begun, and there is never more of that than PVE has tasks.
 *
 * Keys of different groups (`groupOf`, such as the cluster that a VM is in) have a line and workers of their own and are served in turn: a
 * group whose work takes long, or has thousands of keys, delays no other.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #onFault: (key: string, fault: unknown) => void
  /** Wanted work, with when it was first asked for (ms). */
  readonly #dirty = new Map<string, number>()
  readonly #running = new Map<string, Work>()
  readonly #delayed = new Map<string, Delayed>()
  readonly #failures = new Map<string, number>()
  readonly #groupOf: (key: string) => string
  /** By group, in the order of their turns. One without keys is left out. */
  readonly #lines = new Map<string, QueueLine>()
  /** Keys that go before all others once they have been worked on. */
  readonly #firstAgain = new Set<string>()
  #work: ((key: string) => Promise<void>) | undefined
  #isWoken = false
  #allEnded: () => void = () => undefined
  #stopped = false
  #workers = 0
  #meter: QueueMeter | undefined

  constructor(o: {
    clock: Clock
    random?: () => number
    onFault?: (key: string, fault: unknown) => void
    groupOf?: ((key: string) => string) | undefined
  }) {
    this.#clock = o.clock
    this.#random = o.random ?? Math.random
    this.#onFault = o.onFault ?? (() => undefined)
    this.#groupOf = o.groupOf ?? (() => '')
  }

  /** Reports to that meter from now on. */
  measureBy(meter: QueueMeter): void {
    this.#meter = meter
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return
    this.#want(key)
    if (!this.#running.has(key)) this.#line(key)
  }

  /** As `add`, before all keys that were added in the usual way: what the key's work waited for has happened. */
  addFirst(key: string): void {
    if (this.#stopped) return
    if (!this.#dirty.has(key)) this.#want(key)
    if (this.#running.has(key)) this.#firstAgain.add(key)
    else this.#line(key, true)
  }

  /** Adds the key after the delay; of several delays the one that ends first counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return
    const work = this.#running.get(key)
    if (work?.result === 'success') work.result = 'requeue_after'
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const dueMs = this.#clock.monotonicMs() + delayMs
    const known = this.#delayed.get(key)
    if (known && known.dueMs <= dueMs) return
    known?.cancel()
    const cancel = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { dueMs, cancel })
  }

  /** After a failure: 1 s × 2^n with jitter, at most five minutes, until `forget`. Returns the delay in ms. */
  retry(key: string): number {
    const failures = this.attempts(key)
    this.#failures.set(key, failures + 1)
    this.#meter?.retried()
    const work = this.#running.get(key)
    if (work) work.result = 'requeue'
    const delayMs = backoffMs({ baseMs: retryBaseMs, capMs: retryCapMs, failures, random: this.#random })
    this.addAfter(key, delayMs)
    return delayMs
  }

  /** Failures in a row so far. */
  attempts(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The key's work succeeded: the next failure starts from the shortest delay. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Keys that wait for a worker; those that wait for a delay are not among them. */
  get depth(): number {
    return [...this.#dirty.keys()].filter((key) => !this.#running.has(key)).length
  }

  /** Keys that wait for their delay. */
  get delayed(): number {
    return this.#delayed.size
  }

  /** Keys that are being worked on. */
  get running(): number {
    return this.#running.size
  }

  /** The key is being worked on: what it looked at may have changed since. */
  isRunning(key: string): boolean {
    return this.#running.has(key)
  }

  /** How long the first in line has waited. */
  get oldestAgeSeconds(): number {
    for (const [key, sinceMs] of this.#dirty) if (!this.#running.has(key)) return this.#secondsSince(sinceMs)
    return 0
  }

  /** How many keys of one group can be worked on at a time; 0 while nobody runs the queue. */
  get workers(): number {
    return this.#workers
  }

  /** Seconds spent so far on what is being worked on: `all` together, and the `longest`. */
  get unfinishedSeconds(): { all: number; longest: number } {
    const spent = [...this.#running.values()].map((work) => this.#secondsSince(work.sinceMs))
    return { all: spent.reduce((sum, each) => sum + each, 0), longest: Math.max(0, ...spent) }
  }

  /**
   * Works until the signal aborts, then takes nothing more and resolves when what is under way has ended. Work that throws is
   * reported and retried with backoff. `workers`: at a time, of each group.
   */
  async run(work: (key: string) => Promise<void>, o: { workers: number }, signal: AbortSignal): Promise<void> {
    this.#stopped = signal.aborted
    const stop = (): void => this.#stop()
    signal.addEventListener('abort', stop, { once: true })
    this.#workers = o.workers
    this.#work = work
    const ended = new Promise<void>((resolve) => (this.#allEnded = resolve))
    this.#serve()
    this.#endIfOver()
    await ended
    this.#workers = 0
    this.#work = undefined
    signal.removeEventListener('abort', stop)
  }

  /** Takes as many keys as there are workers for. */
  #serve(): void {
    while (this.#work && !this.#stopped) {
      const next = this.#next()
      if (next === undefined) return
      void this.#do(next, this.#work)
    }
  }

  async #do({ key, line, group }: { key: string; line: QueueLine; group: string }, work: (key: string) => Promise<void>): Promise<void> {
    this.#meter?.taken(this.#secondsSince(this.#dirty.get(key) ?? this.#clock.monotonicMs()))
    this.#dirty.delete(key)
    this.#running.set(key, { sinceMs: this.#clock.monotonicMs(), result: 'success' })
    line.running += 1
    let failed = false
    try {
      await work(key)
    } catch (fault) {
      failed = true
      this.#onFault(key, fault)
      this.retry(key)
    } finally {
      this.#ended(key, failed)
      line.running -= 1
      if (this.#dirty.has(key)) this.#line(key, this.#firstAgain.delete(key))
      this.#forgetIfDone(group)
      this.#serve()
      this.#endIfOver()
    }
  }

  /** Of the group whose turn it is; that group has its next turn after all others. */
  #next(): { key: string; line: QueueLine; group: string } | undefined {
    for (const [group, line] of this.#lines) {
      if (line.running >= this.#workers) continue
      const key = line.take((each) => this.#dirty.has(each) && !this.#running.has(each))
      if (key === undefined) {
        this.#forgetIfDone(group)
        continue
      }
      this.#lines.delete(group)
      this.#lines.set(group, line)
      return { key, line, group }
    }
    return undefined
  }

  #forgetIfDone(group: string): void {
    const line = this.#lines.get(group)
    if (line?.isEmpty && line.running === 0) this.#lines.delete(group)
  }

  #endIfOver(): void {
    if (this.#stopped && this.#running.size === 0) this.#allEnded()
  }

  #want(key: string): void {
    this.#meter?.added()
    this.#dirty.set(key, this.#clock.monotonicMs())
  }

  #ended(key: string, failed: boolean): void {
    const work = this.#running.get(key)
    this.#running.delete(key)
    if (work) this.#meter?.ended(failed ? 'error' : work.result, this.#secondsSince(work.sinceMs))
  }

  /** Never negative: somebody may set the machine's clock back. */
  #secondsSince(ms: number): number {
    return Math.max(0, this.#clock.monotonicMs() - ms) / 1000
  }

  #line(key: string, isFirst = false): void {
    const group = this.#groupOf(key)
    const line = this.#lines.get(group) ?? new QueueLine()
    this.#lines.set(group, line)
    if (isFirst) line.addFirst(key)
    else line.add(key)
    if (this.#isWoken) return
    this.#isWoken = true
    // Whoever adds a key ends what it does before the work on it begins.
    queueMicrotask(() => {
      this.#isWoken = false
      this.#serve()
    })
  }

  #stop(): void {
    this.#stopped = true
    for (const { cancel } of this.#delayed.values()) cancel()
    this.#delayed.clear()
    this.#endIfOver()
  }
}
