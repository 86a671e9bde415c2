/** How much is read in the background, and whose turn it is: a token bucket and a fair share for each source. Pure but for the clock. */
import type { Clock } from './clock.ts'

/**
 * `changed`: somebody has just worked on it. `young`: it has just begun. `round`: it is looked at from time to time. In this order; but after
 * each young one the round has as many requests, so that a thousand births do not leave all other VMs unread for an hour.
 */
export type BackgroundRank = 'changed' | 'young' | 'round'

/** One thing to read. */
export interface BackgroundRead {
  readonly rank: BackgroundRank
  /** Requests it takes, as far as that is known beforehand; at least 1. */
  readonly requests: number
  /** Begins to read, and returns at once. */
  readonly begin: () => void
}

/** What reads in the background. Where several have something of one rank they share the requests by weight. */
export interface BackgroundSource {
  readonly weight: number
  /** The most pressing; asking changes nothing. Undefined: nothing is due. */
  readonly next: () => BackgroundRead | undefined
}

/** So many requests may follow one another at once after a quiet time. */
const burst = 5
const ranks: readonly BackgroundRank[] = ['changed', 'young', 'round']

export class BackgroundBudget {
  readonly #clock: Clock
  readonly #perSecond: () => number
  /** Where each source stands: its requests so far, divided by its weight. */
  readonly #sources = new Map<BackgroundSource, number>()
  #tokens = burst
  #filledAtMs: number
  /** Where the one stood that was served last: a source that was quiet begins there, and has saved up nothing. */
  #now = 0
  /** Requests that the round has before the next young one. */
  #owedToRound = 0

  /** `perSecond`: requests; it may change with the fleet. */
  constructor(o: { clock: Clock; perSecond: () => number }) {
    this.#clock = o.clock
    this.#perSecond = o.perSecond
    this.#filledAtMs = o.clock.monotonicMs()
  }

  /** The answer takes the source away again. */
  add(source: BackgroundSource): () => void {
    this.#sources.set(source, this.#now)
    return () => void this.#sources.delete(source)
  }

  /** In how many ms the next read may begin; 0: now. One that takes several requests is paid for afterwards. */
  pauseMs(): number {
    this.#fill()
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond()) * 1000)
  }

  /** What is read now, paid for. Undefined: nothing is due. */
  take(): BackgroundRead | undefined {
    this.#fill()
    let best: { read: BackgroundRead; source: BackgroundSource; from: number } | undefined
    for (const [source, stands] of this.#sources) {
      const read = source.next()
      const from = Math.max(stands, this.#now)
      if (read && (!best || this.#place(read) < this.#place(best.read) || (read.rank === best.read.rank && from < best.from)))
        best = { read, source, from }
    }
    if (!best) return undefined
    this.#now = best.from
    this.#sources.set(best.source, best.from + best.read.requests / best.source.weight)
    this.#tokens -= best.read.requests
    if (best.read.rank === 'young') this.#owedToRound = best.read.requests
    if (best.read.rank === 'round') this.#owedToRound -= best.read.requests
    return best.read
  }

  #place({ rank }: BackgroundRead): number {
    return rank === 'young' && this.#owedToRound > 0 ? ranks.length : ranks.indexOf(rank)
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs()
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, nowMs - this.#filledAtMs) / 1000) * this.#perSecond())
    this.#filledAtMs = nowMs
  }
}
