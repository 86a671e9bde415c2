import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { type Address, canonical, formatAddress, addressObjectName, parseAddress } from '../../src/ipam/address.ts'

const v4 = fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value): Address => ({ family: 'IPv4', value }))
/** Groups drawn one by one, zero often: runs of zeros are where the text form is hard. */
const v6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups): Address => ({ family: 'IPv6', value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) }))
const anyAddress = fc.oneof(v4, v6)

const oracle = ({ family, value }: Address): string => {
  const bytes = Array.from({ length: family === 'IPv4' ? 4 : 16 }, (_, at, all = family === 'IPv4' ? 4 : 16) =>
    Number((value >> BigInt((all - 1 - at) * 8)) & 0xffn),
  )
  const parsed = ipaddr.fromByteArray(bytes)
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString()
}

describe('an address as text', () => {
  it('is written as ipaddr.js writes it', () => {
    fc.assert(
      fc.property(anyAddress, (address) => expect(formatAddress(address)).toBe(oracle(address))),
      { numRuns: 2000 },
    )
  })

  it('is read back as the same address', () => {
    fc.assert(
      fc.property(anyAddress, (address) => expect(parseAddress(formatAddress(address))).toEqual(address)),
      { numRuns: 2000 },
    )
  })

  it('is read in every spelling ipaddr.js knows', () => {
    const spelled = v6.chain((address) => {
      const parsed = ipaddr.IPv6.parse(oracle(address))
      const groups = parsed.parts.map((part) => part.toString(16))
      const dotted = `${groups.slice(0, 6).join(':')}:${(parsed.parts[6] as number) >> 8}.${(parsed.parts[6] as number) & 255}.${(parsed.parts[7] as number) >> 8}.${(parsed.parts[7] as number) & 255}`
      return fc
        .constantFrom(
          groups.map((group) => group.padStart(4, '0')).join(':'),
          parsed.toNormalizedString(),
          parsed.toString().toUpperCase(),
          dotted,
        )
        .map((text) => ({ address, text }))
    })
    fc.assert(
      fc.property(spelled, ({ address, text }) => expect(parseAddress(text)).toEqual(address)),
      { numRuns: 1000 },
    )
  })

  it('is no address when ipaddr.js says it is none', () => {
    const scraps = fc.array(fc.constantFrom(':', '::', '.', '0', '1', '255', '256', 'ff', 'FFFF', 'fffff', 'g', '-', '/', ' '), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(
        scraps.map((parts) => parts.join('')),
        (text) => {
          const strict = text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)
          expect(parseAddress(text) !== undefined).toBe(strict)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it.each([
    '010.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    'fe80::1%eth0',
    '[::1]',
    '1::2::3',
    ':1',
    '1:',
    ':::',
    '12345::',
    '',
    ' 1.2.3.4',
    '::1.2.3.4.5',
    '1.2.3.4::',
  ])('%p is no address', (text) => expect(parseAddress(text)).toBeUndefined())

  it('has one spelling', () => {
    expect(canonical('2001:DB8:0:0:0:0:0:1')).toBe('2001:db8::1')
    expect(canonical('2001:db8::1')).toBe('2001:db8::1')
    expect(canonical('203.0.113.10')).toBe('203.0.113.10')
    expect(canonical('nonsense')).toBe('nonsense')
  })
})

describe('the object of an address', () => {
  const nameOf = (text: string, scope?: string): string => addressObjectName(parseAddress(text) as Address, scope)

  it('is named after the address', () => {
    expect(nameOf('203.0.113.10')).toBe('203.0.113.10')
    expect(nameOf('2001:db8:a::100')).toBe('2001-0db8-000a-0000-0000-0000-0000-0100')
    expect(nameOf('203.0.113.10', 'lab')).toBe('203.0.113.10.lab')
    expect(nameOf('::1', 'lab')).toBe('0000-0000-0000-0000-0000-0000-0000-0001.lab')
  })

  it('has a name the API server takes, and no two addresses share one', () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        expect(addressObjectName(a)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/)
        expect(addressObjectName(a) === addressObjectName(b)).toBe(a.family === b.family && a.value === b.value)
      }),
    )
  })
})
