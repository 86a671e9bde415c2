import { describe, expect, it } from '@jest/globals'
import { integer } from '../../src/simulator/tls/der.ts'

describe('a DER integer', () => {
  it.each([
    ['0042', '020142'],
    ['00ff', '020200ff'],
    ['0000', '020100'],
    ['80', '02020080'],
    ['7f01', '02027f01'],
  ])('of %s has no zeros but the one that keeps it positive', (bytes, encoded) => {
    expect(integer(Buffer.from(bytes, 'hex')).toString('hex')).toBe(encoded)
  })
})
