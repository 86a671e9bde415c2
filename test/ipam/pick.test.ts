import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { IntervalSet } from '../../src/ipam/intervals.ts'
import { PickIndex, type PickPolicy } from '../../src/ipam/pick.ts'

const open = IntervalSet.of([
  { from: 10n, to: 19n },
  { from: 30n, to: 34n },
])
const everyone = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 30, 31, 32, 33, 34].map(BigInt)
const takeAll = (index: PickIndex, nowMs: number): bigint[] => {
  const taken: bigint[] = []
  for (let value = index.next(nowMs); value !== undefined; value = index.next(nowMs)) {
    taken.push(value)
    index.set(value, { is: 'taken' })
  }
  return taken
}

describe('the next address', () => {
  it('is each one once, the lowest first', () => {
    const index = new PickIndex(open, 'LeastRecentlyReleased', 0)
    expect(takeAll(index, 0)).toEqual(everyone)
    expect(index.available(0)).toBe(0n)
  })

  it('is one nobody ever had, then the one released longest ago', () => {
    const index = new PickIndex(open, 'LeastRecentlyReleased', 0)
    takeAll(index, 0)
    index.set(12n, { is: 'released', atMs: 300 })
    index.set(31n, { is: 'released', atMs: 100 })
    index.set(18n, { is: 'released', atMs: 200 })
    index.set(33n, { is: 'fresh' })
    expect(takeAll(index, 1000)).toEqual([33n, 31n, 18n, 12n])
  })

  it('is the lowest under Sequential', () => {
    const index = new PickIndex(open, 'Sequential', 0)
    index.set(10n, { is: 'taken' })
    index.set(12n, { is: 'released', atMs: 300 })
    index.set(11n, { is: 'released', atMs: 400 })
    expect(takeAll(index, 1000)).toEqual(everyone.slice(1))
  })

  it('is not one that still rests', () => {
    const index = new PickIndex(open, 'Sequential', 500)
    takeAll(index, 0)
    index.set(12n, { is: 'released', atMs: 300 })
    index.set(11n, { is: 'released', atMs: 400 })
    expect([index.next(799), index.available(799), index.coolingCount(799), index.nextWarmMs(799)]).toEqual([undefined, 0n, 2, 800])
    expect([index.next(800), index.available(800), index.coolingCount(800), index.nextWarmMs(800)]).toEqual([12n, 1n, 1, 900])
    expect([index.next(900), index.available(900), index.nextWarmMs(900)]).toEqual([11n, 2n, undefined])
  })

  it('is never outside of what is open', () => {
    const index = new PickIndex(open, 'Sequential', 0)
    index.set(25n, { is: 'released', atMs: 0 })
    index.set(99n, { is: 'fresh' })
    expect(takeAll(index, 1000)).toEqual(everyone)
  })

  it('costs nothing to find in a pool of 2^64', () => {
    const index = new PickIndex(IntervalSet.of([{ from: 1n, to: 1n << 64n }]), 'LeastRecentlyReleased', 0)
    for (let value = 1n; value < 2000n; value++) index.set(value, { is: 'taken' })
    expect(index.next(0)).toBe(2000n)
    expect(index.available(0)).toBe((1n << 64n) - 1999n)
  })
})

type Step = { do: 'take' } | { do: 'set'; value: bigint; to: 'fresh' | 'released' | 'taken' } | { do: 'wait'; ms: number }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'take' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      value: fc.constantFrom(...everyone, 5n, 25n),
      to: fc.constantFrom('fresh' as const, 'released' as const, 'taken' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }) },
)

/** The same rules by looking through everything each time. */
class Naive {
  readonly states = new Map<bigint, number | 'taken'>()
  readonly policy: PickPolicy
  constructor(policy: PickPolicy) {
    this.policy = policy
  }
  free(nowMs: number): bigint[] {
    return everyone.filter((value) => {
      const state = this.states.get(value)
      return state === undefined || (state !== 'taken' && state + 100 <= nowMs)
    })
  }
  next(nowMs: number): bigint | undefined {
    const age = (value: bigint): number => {
      const state = this.states.get(value)
      return typeof state === 'number' ? state : -1
    }
    return this.free(nowMs).toSorted((a, b) => (this.policy === 'Sequential' ? 0 : age(a) - age(b)) || Number(a - b))[0]
  }
}

describe('an index that has lived', () => {
  it.each<PickPolicy>(['LeastRecentlyReleased', 'Sequential'])('picks and counts as one that looks through everything (%s)', (policy) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const index = new PickIndex(open, policy, 100)
        const naive = new Naive(policy)
        let nowMs = 1
        const seen: unknown[] = []
        const wanted: unknown[] = []
        for (const one of steps) {
          nowMs += one.do === 'wait' ? one.ms : 1
          const value = one.do === 'take' ? naive.next(nowMs) : one.do === 'set' ? one.value : undefined
          const to = one.do === 'set' ? one.to : 'taken'
          if (value !== undefined && to === 'fresh') naive.states.delete(value)
          else if (value !== undefined) naive.states.set(value, to === 'taken' ? 'taken' : nowMs)
          if (value !== undefined) index.set(value, to === 'released' ? { is: 'released', atMs: nowMs } : { is: to })
          seen.push(index.next(nowMs), index.available(nowMs))
          wanted.push(naive.next(nowMs), BigInt(naive.free(nowMs).length))
        }
        expect(seen).toEqual(wanted)
      }),
      { numRuns: 1000 },
    )
  })
})
