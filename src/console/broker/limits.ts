/** How often one address may knock: enough for people, too little for a flood. */
import { isIPv6 } from 'node:net'
import type { Clock } from '../../ops/clock.ts'

/** A household has a /64 and could come with a new address each time. */
function neighbourhoodOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const groups = address.includes('::')
    ? [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'), ...right]
    : left
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** Beyond so many addresses the oldest are forgotten: memory is bounded, and a flood of addresses gains little by that. */
const mostAddresses = 10_000

/** A bucket an address: `burst` at once, then `perMinute`. */
export class KnockLimit {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perMinute: number
  readonly #buckets = new Map<string, { left: number; atMs: number }>()

  constructor(o: { clock: Clock; burst: number; perMinute: number }) {
    this.#clock = o.clock
    this.#burst = o.burst
    this.#perMinute = o.perMinute
  }

  /** False: too often. */
  allows(address: string): boolean {
    const of = neighbourhoodOf(address)
    const nowMs = this.#clock.monotonicMs()
    const { left, atMs } = this.#buckets.get(of) ?? { left: this.#burst, atMs: nowMs }
    const filled = Math.min(this.#burst, left + ((nowMs - atMs) / 60_000) * this.#perMinute)
    const isAllowed = filled >= 1
    this.#buckets.delete(of)
    this.#buckets.set(of, { left: isAllowed ? filled - 1 : filled, atMs: nowMs })
    const oldest = this.#buckets.size > mostAddresses ? this.#buckets.keys().next().value : undefined
    if (oldest !== undefined) this.#buckets.delete(oldest)
    return isAllowed
  }
}
