/**
 * Which address of a pool is next. Keeps only what is not fresh, so a pool of 2^64 costs what its used addresses cost,
 * and a pick is amortised O(log n): nothing is scanned.
 */
import { Heap } from '../ops/heap.ts'
import type { IntervalSet } from './intervals.ts'

export type PickPolicy = 'LeastRecentlyReleased' | 'Sequential'

/** What is known of one address: nobody ever had it, it was given back at some time, or it may not be given. */
export type PickState = { is: 'fresh' } | { is: 'released'; atMs: number } | { is: 'taken' }

interface Released {
  readonly value: bigint
  readonly atMs: number
}
type Known = { is: 'taken' } | { is: 'cooling' | 'ready'; atMs: number }

export class PickIndex {
  readonly #open: IntervalSet
  readonly #policy: PickPolicy
  readonly #reuseAfterMs: number
  readonly #known = new Map<bigint, Known>()
  readonly #counts = { taken: 0, cooling: 0, ready: 0 }
  /** Everything fresh below `cursor` is in `returned`; what was returned and taken again stays in it until it is popped. */
  #cursor = 0n
  readonly #returned = new Heap<bigint>((a, b) => a < b)
  readonly #cooling = new Heap<Released>((a, b) => a.atMs < b.atMs)
  readonly #ready: Heap<Released>

  /** @param open the addresses that anybody may get: reservations are not among them. */
  constructor(open: IntervalSet, policy: PickPolicy, reuseAfterMs: number) {
    this.#open = open
    this.#policy = policy
    this.#reuseAfterMs = reuseAfterMs
    const longestAgo = (a: Released, b: Released): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.value < b.value)
    this.#ready = new Heap<Released>(policy === 'Sequential' ? (a, b) => a.value < b.value : longestAgo)
  }

  /** Notes the state of an address; one that is not open is ignored. Saying the same twice changes nothing. */
  set(value: bigint, state: PickState): void {
    if (!this.#open.has(value)) return
    const was = this.#known.get(value)
    if (state.is === 'fresh') {
      if (!was) return
      this.#counts[was.is]--
      this.#known.delete(value)
      if (value < this.#cursor) this.#returned.push(value)
      return
    }
    if (state.is === 'taken' ? was?.is === 'taken' : was !== undefined && was.is !== 'taken' && was.atMs === state.atMs) return
    if (was) this.#counts[was.is]--
    const now: Known = state.is === 'taken' ? { is: 'taken' } : { is: 'cooling', atMs: state.atMs }
    this.#known.set(value, now)
    this.#counts[now.is]++
    if (now.is === 'cooling') this.#cooling.push({ value, atMs: now.atMs })
  }

  /** The next address by the pool's policy, or none. It stays the next one until its state is set. */
  next(nowMs: number): bigint | undefined {
    const fresh = this.#nextFresh()
    const used = this.#nextReady(nowMs)
    if (fresh === undefined || used === undefined) return fresh ?? used
    // An address nobody ever had was released longest ago.
    return this.#policy === 'LeastRecentlyReleased' || fresh < used ? fresh : used
  }

  /** How many addresses `next` could give now. */
  available(nowMs: number): bigint {
    this.#warm(nowMs)
    return this.#open.size - BigInt(this.#counts.taken + this.#counts.cooling)
  }

  coolingCount(nowMs: number): number {
    this.#warm(nowMs)
    return this.#counts.cooling
  }

  /** When the next cooling address becomes available, in ms since the epoch. */
  nextWarmMs(nowMs: number): number | undefined {
    this.#warm(nowMs)
    const first = this.#cooling.peek()
    return first && first.atMs + this.#reuseAfterMs
  }

  #nextFresh(): bigint | undefined {
    for (let value = this.#returned.peek(); value !== undefined; value = this.#returned.peek()) {
      if (!this.#known.has(value)) return value
      this.#returned.pop()
    }
    let value = this.#open.firstFrom(this.#cursor)
    while (value !== undefined && this.#known.has(value)) value = this.#open.firstFrom(value + 1n)
    this.#cursor = value ?? (this.#open.intervals.at(-1)?.to ?? -1n) + 1n
    return value
  }

  #nextReady(nowMs: number): bigint | undefined {
    this.#warm(nowMs)
    for (let first = this.#ready.peek(); first; first = this.#ready.peek()) {
      if (this.#isStill('ready', first)) return first.value
      this.#ready.pop()
    }
    return undefined
  }

  /** Moves what has cooled long enough, and drops what was taken meanwhile. */
  #warm(nowMs: number): void {
    for (let first = this.#cooling.peek(); first; first = this.#cooling.peek()) {
      const cools = this.#isStill('cooling', first)
      if (cools && first.atMs + this.#reuseAfterMs > nowMs) return
      this.#cooling.pop()
      if (!cools) continue
      this.#counts.cooling--
      this.#counts.ready++
      this.#known.set(first.value, { is: 'ready', atMs: first.atMs })
      this.#ready.push(first)
    }
  }

  #isStill(state: 'cooling' | 'ready', { value, atMs }: Released): boolean {
    const now = this.#known.get(value)
    return now?.is === state && now.atMs === atMs
  }
}
