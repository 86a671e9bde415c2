import { describe, expect, it } from '@jest/globals'
import { expiryOf, keptTimes } from '../../src/want/retention.ts'

const at = (text: string) => Date.parse(`${text}:00Z`)
const spell = (times: Iterable<number>) => [...times].map((time) => new Date(time).toISOString().slice(0, 10)).toSorted()
const nightly = (from: string, nights: number) => Array.from({ length: nights }, (_, night) => at(`${from}T02:00`) + night * 86_400_000)

describe('retention', () => {
  it('keeps everything without a rule, and the newest in any case', () => {
    const times = nightly('2026-11-01', 3)
    expect(keptTimes(times, undefined).size).toBe(3)
    expect(keptTimes(times, {}).size).toBe(3)
    expect(spell(keptTimes(times, { last: 1 }))).toEqual(['2026-11-03'])
  })

  it('keeps the newest of each day, week and month, where an earlier rule keeps none of that period', () => {
    const times = nightly('2026-09-20', 72)
    expect(spell(keptTimes(times, { last: 2, daily: 2, weekly: 2, monthly: 2 }))).toEqual([
      // monthly
      '2026-09-30',
      '2026-10-31',
      // weekly: the Sundays
      '2026-11-15',
      '2026-11-22',
      // daily, then last
      '2026-11-27',
      '2026-11-28',
      '2026-11-29',
      '2026-11-30',
    ])
  })

  it('takes one of each day, however many were made on it', () => {
    const times = [at('2026-11-01T01:00'), at('2026-11-01T13:00'), at('2026-11-02T01:00'), at('2026-11-02T13:00')]
    expect([...keptTimes(times, { daily: 2 })].toSorted((a, b) => a - b)).toEqual([at('2026-11-01T13:00'), at('2026-11-02T13:00')])
  })

  it('tells when a backup is dropped, if the schedule goes on as it does', () => {
    const times = nightly('2026-11-01', 3)
    const expiries = expiryOf(times, { last: 3 }, nightly('2026-11-04', 30))
    expect(times.map((time) => new Date(expiries.get(time) ?? 0).toISOString().slice(0, 10))).toEqual([
      '2026-11-04',
      '2026-11-05',
      '2026-11-06',
    ])
    expect(expiryOf(times, undefined, nightly('2026-11-04', 30)).size).toBe(0)
  })
})
