import { describe, expect, it } from '@jest/globals'
import { bytesIn, timeframeFor } from '../../src/usage/stretch.ts'

describe('averages of PVE over a stretch of time', () => {
  const rows = [0, 60, 120, 180].map((timeSeconds) => ({ timeSeconds, receivedPerSecond: 10, sentPerSecond: 1 }))

  it('count by the part of each row that lies in it', () => {
    expect(bytesIn(rows, { fromMs: 30_000, toMs: 150_000 })).toEqual({ receivedBytes: 1200, sentBytes: 120 })
    expect(bytesIn(rows, { fromMs: 0, toMs: 240_000 })).toEqual({ receivedBytes: 2400, sentBytes: 240 })
    expect(bytesIn(rows, { fromMs: 240_000, toMs: 500_000 })).toEqual({ receivedBytes: 0, sentBytes: 0 })
  })

  it('may have rows of two lengths, as after an upgrade to PVE 9', () => {
    const mixed = [
      { timeSeconds: 0, receivedPerSecond: 1 },
      { timeSeconds: 1800, receivedPerSecond: 10 },
      { timeSeconds: 1860, receivedPerSecond: 10 },
    ]
    expect(bytesIn(mixed, { fromMs: 0, toMs: 1_920_000 })).toEqual({ receivedBytes: 1800 + 1200, sentBytes: 0 })
  })

  it.each([
    [10, 'hour'],
    [58, 'hour'],
    [59, 'day'],
    [23 * 60, 'day'],
    [25 * 60, 'week'],
    [8 * 24 * 60, 'month'],
    [40 * 24 * 60, 'year'],
    [900 * 24 * 60, 'year'],
  ])('that began %d minutes ago are in timeframe %s', (minutes, timeframe) => {
    expect(timeframeFor(1e12 - minutes * 60_000, 1e12)).toBe(timeframe)
  })
})
