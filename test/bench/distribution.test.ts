import { describe, expect, it } from '@jest/globals'
import { median, percentile } from '../../src/bench/distribution.ts'

const oneTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1).toReversed()

describe('many measurements in one figure', () => {
  it('is for p95 of 20 the second longest, and of 100 the 95th', () => {
    expect(percentile(oneTo(20), 95)).toBe(19)
    expect(percentile(oneTo(100), 95)).toBe(95)
    expect(percentile([7], 95)).toBe(7)
  })

  it('is for the median the one in the middle', () => {
    expect(median([9, 1, 5])).toBe(5)
  })
})
