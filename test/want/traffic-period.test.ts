import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { periodAt } from '../../src/want/traffic-period.ts'

const at = (text: string) => Date.parse(text)
const spell = ({ startMs, endMs }: { startMs: number; endMs: number }) => [startMs, endMs].map((ms) => new Date(ms).toISOString())

describe('a period of traffic', () => {
  it.each([
    ['2026-11-26T12:00:00Z', 1, '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['2026-12-31T23:59:59Z', 1, '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['2026-01-10T00:00:00Z', 15, '2025-12-15T00:00:00.000Z', '2026-01-15T00:00:00.000Z'],
    ['2026-01-15T00:00:00Z', 15, '2026-01-15T00:00:00.000Z', '2026-02-15T00:00:00.000Z'],
    ['2026-02-27T23:00:00Z', 31, '2026-01-31T00:00:00.000Z', '2026-02-28T00:00:00.000Z'],
    ['2026-02-28T00:00:00Z', 31, '2026-02-28T00:00:00.000Z', '2026-03-31T00:00:00.000Z'],
    ['2028-02-29T05:00:00Z', 31, '2028-02-29T00:00:00.000Z', '2028-03-31T00:00:00.000Z'],
    ['2026-03-30T00:00:00Z', 30, '2026-03-30T00:00:00.000Z', '2026-04-30T00:00:00.000Z'],
    // The hour that Europe leaves out: UTC has it.
    ['2026-03-29T01:30:00Z', 29, '2026-03-29T00:00:00.000Z', '2026-04-29T00:00:00.000Z'],
  ])('that contains %s with resetDay %d goes from %s to %s', (now, resetDay, start, end) => {
    expect(spell(periodAt(at(now), resetDay))).toEqual([start, end])
  })

  it('begins on the first of the month where no resetDay is given', () => {
    expect(periodAt(at('2026-11-26T12:00:00Z'))).toEqual(periodAt(at('2026-11-26T12:00:00Z'), 1))
  })

  it('contains its moment, lasts 27 to 31 days, and is followed by the next without a hole', () => {
    fc.assert(
      fc.property(fc.integer({ min: at('2020-01-01'), max: at('2100-01-01') }), fc.integer({ min: 1, max: 31 }), (ms, resetDay) => {
        const { startMs, endMs } = periodAt(ms, resetDay)
        const days = (endMs - startMs) / 86_400_000
        expect(startMs <= ms && ms < endMs).toBe(true)
        expect(days >= 27 && days <= 31).toBe(true)
        expect(periodAt(endMs, resetDay).startMs).toBe(endMs)
        expect(periodAt(endMs - 1, resetDay).startMs).toBe(startMs)
      }),
    )
  })
})
