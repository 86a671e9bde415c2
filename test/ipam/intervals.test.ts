import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Interval, IntervalSet } from '../../src/ipam/intervals.ts'

const intervals = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 8 }))
    .map(([from, more]): Interval => ({ from: BigInt(from), to: BigInt(from + more) })),
  { maxLength: 12 },
)
const naive = (list: readonly Interval[]): Set<bigint> => {
  const all = new Set<bigint>()
  for (const { from, to } of list) for (let value = from; value <= to; value++) all.add(value)
  return all
}
const without = (all: Set<bigint>, some: Set<bigint>): Set<bigint> => new Set([...all].filter((value) => !some.has(value)))
const members = (set: IntervalSet): Set<bigint> => naive(set.intervals)
const both = (check: (a: readonly Interval[], b: readonly Interval[]) => void): void =>
  fc.assert(fc.property(intervals, intervals, check), { numRuns: 500 })

describe('a set of intervals', () => {
  it('has the members of its intervals, and stays sorted and unconnected', () => {
    both((list) => {
      const set = IntervalSet.of(list)
      expect(members(set)).toEqual(naive(list))
      expect(set.size).toBe(BigInt(naive(list).size))
      const connected = set.intervals.filter(
        ({ from, to }, at) => from > to || (at > 0 && (set.intervals[at - 1] as Interval).to + 1n >= from),
      )
      expect(connected).toEqual([])
    })
  })

  it('subtracts and meets as sets of numbers do', () => {
    both((a, b) => {
      const [left, right] = [IntervalSet.of(a), IntervalSet.of(b)]
      expect(members(left.minus(right))).toEqual(without(naive(a), naive(b)))
      expect(members(left.meet(right))).toEqual(without(naive(a), without(naive(a), naive(b))))
      expect(left.minus(right).size + left.meet(right).size).toBe(left.size)
    })
  })

  it('finds members and the next one', () => {
    both((a) => {
      const set = IntervalSet.of(a)
      const all = naive(a)
      const values = Array.from({ length: 72 }, (_, at) => BigInt(at))
      expect(values.map((value) => set.has(value))).toEqual(values.map((value) => all.has(value)))
      expect(values.map((value) => set.firstFrom(value))).toEqual(
        values.map((value) => values.find((member) => member >= value && all.has(member))),
      )
    })
  })

  it('never enumerates: a set of 2^96 addresses is one interval', () => {
    const set = IntervalSet.of([{ from: 0n, to: (1n << 96n) - 1n }]).minus(IntervalSet.of([{ from: 5n, to: 5n }]))
    expect(set.size).toBe((1n << 96n) - 1n)
    expect(set.intervals).toHaveLength(2)
    expect(set.firstFrom(5n)).toBe(6n)
  })
})
