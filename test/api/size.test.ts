import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatSize, parseCpuLimit, parseDurationSeconds, parseSizeMiB } from '../../src/api/size.ts'

describe('a size', () => {
  it.each([
    ['4Gi', 4096],
    ['1.5Gi', 1536],
    ['512Mi', 512],
    ['1048576Ki', 1024],
    ['1Ti', 1_048_576],
    ['0', 0],
    [0, 0],
    ['1048576', 1],
    [1_048_576, 1],
    ['1.048576e6', 1],
    ['1048576k', 1000],
  ] as [string | number, number][])('%s is %d MiB', (written, mib) => {
    expect(parseSizeMiB(written)).toBe(mib)
  })

  it.each(['1500Ki', '100m', '1G', '-1Gi', 'much', '', '4GiB', '4 Gi', '.', '1e'])('%p is none', (written) => {
    expect(() => parseSizeMiB(written)).toThrow(RangeError)
  })

  it('reads back what it writes', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (mib) => expect(parseSizeMiB(formatSize(mib))).toBe(mib)))
  })

  it('is written in the largest unit that holds it exactly', () => {
    expect([0, 1536, 4096, 1_048_576, 1].map(formatSize)).toEqual(['0', '1536Mi', '4Gi', '1Ti', '1Mi'])
  })
})

describe('a cpu limit', () => {
  it.each([
    ['1.5', 1.5],
    ['1500m', 1.5],
    [2, 2],
    ['0', 0],
    ['0.0001', 0.001],
    ['1e1', 10],
  ] as [string | number, number][])('%s is %d cores', (written, cores) => {
    expect(parseCpuLimit(written)).toBe(cores)
  })

  it('is never negative', () => {
    expect(() => parseCpuLimit('-1')).toThrow('write 1.5')
  })
})

describe('a duration', () => {
  it.each([
    ['90s', 90],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['250ms', 0.25],
    ['0s', 0],
    ['0', 0],
    ['8760h', 31_536_000],
  ] as [string, number][])('%s is %d seconds', (written, seconds) => {
    expect(parseDurationSeconds(written)).toBeCloseTo(seconds, 9)
  })

  it.each(['90', '-1s', '1 h', 'h', '', '1d', '1h-5m'])('%p is none', (written) => {
    expect(() => parseDurationSeconds(written)).toThrow('write 90s')
  })
})
