import { expect, it } from '@jest/globals'
import type { Clock } from '../../src/ops/clock.ts'
import { RequestRate } from '../../src/ops/request-rate.ts'

function rateOf(limit: number) {
  const now = { ms: 0 }
  const clock: Clock = { now: () => now.ms, monotonicMs: () => now.ms, sleep: async () => undefined, after: () => () => undefined }
  return { rate: new RequestRate({ clock, limit }), now }
}

it('a guest has no more requests in any minute than it may', () => {
  const { rate, now } = rateOf(3)
  for (const atMs of [0, 10_000, 20_000]) {
    now.ms = atMs
    expect(rate.pauseMs(100)).toBe(0)
    rate.note(100)
  }

  expect(rate.pauseMs(100)).toBe(40_000)
  expect(rate.pauseMs(101)).toBe(0)
  now.ms = 60_000
  expect(rate.pauseMs(100)).toBe(0)
})

it('what changed something does not count against what follows', () => {
  const { rate } = rateOf(1)
  rate.note(100)
  rate.forget(100)

  expect(rate.pauseMs(100)).toBe(0)
})
