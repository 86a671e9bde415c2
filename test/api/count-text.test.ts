import { describe, expect, it } from '@jest/globals'
import { countText } from '../../src/api/count-text.ts'

describe('a number of addresses', () => {
  it.each<[bigint, string]>([
    [0n, '0'],
    [254n, '254'],
    [999_999_999_999n, '999999999999'],
    [2n ** 40n, '2^40'],
    [2n ** 64n, '2^64'],
    [2n ** 64n - 3n, '2^64-3'],
    [2n ** 64n + 2n, '2^64+2'],
    [2n ** 64n + 2n ** 63n, '~2^64.6'],
    [2n ** 128n - 1n, '2^128-1'],
  ])('%s is read as %s', (count, text) => expect(countText(count)).toBe(text))
})
