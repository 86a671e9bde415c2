import { describe, expect, it } from '@jest/globals'
import { Ages } from '../../src/ops/clock.ts'
import { TestClock } from '../support/test-clock.ts'

const hourMs = 3_600_000
const seconds = (ms: number): number => Math.round(ms / 1000)

describe('how old a thing is', () => {
  it.each([hourMs, -hourMs])('does not change when the machine’s clock is set by %d ms', (jumpMs) => {
    const clock = new TestClock()
    const ages = new Ages(clock)
    const sinceMs = clock.now() - 20_000
    const before = seconds(ages.ageMs('shop', 'a', sinceMs))
    clock.jump(jumpMs)
    clock.skip(5_000)

    expect([before, seconds(ages.ageMs('shop', 'a', sinceMs))]).toEqual([20, 25])
  })

  it('begins with what it says, never below 0, for another thing and for one that was forgotten', () => {
    const clock = new TestClock()
    const ages = new Ages(clock)
    expect(ages.ageMs('shop', 'a', clock.now() + hourMs)).toBe(0)
    expect(seconds(ages.ageMs('shop', 'b', clock.now() - 7_000))).toBe(7)
    ages.forget('shop')
    expect(seconds(ages.ageMs('shop', 'b', clock.now() - 9_000))).toBe(9)
  })
})
