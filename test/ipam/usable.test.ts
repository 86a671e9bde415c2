import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { type Address, formatAddress, parseAddress } from '../../src/ipam/address.ts'
import { type UsableAddresses, type RangeSpec, usableAddressesOf } from '../../src/ipam/usable.ts'

const space = (spec: Partial<RangeSpec>): UsableAddresses => {
  const made = usableAddressesOf({ ranges: ['203.0.113.0/24'], prefixLength: 24, ...spec })
  if (typeof made === 'string') throw new Error(made)
  return made
}
const problem = (spec: Partial<RangeSpec>): unknown => {
  const made = usableAddressesOf({ ranges: ['203.0.113.0/24'], prefixLength: 24, ...spec })
  return typeof made === 'string' ? made : 'no problem'
}
const addresses = ({ family, usable }: UsableAddresses): string[] =>
  usable.intervals.flatMap(({ from, to }) =>
    Array.from({ length: Number(to - from) + 1 }, (_, at) => formatAddress({ family, value: from + BigInt(at) })),
  )

describe('the addresses a pool gives', () => {
  it.each<[what: string, spec: RangeSpec, gives: string[]]>([
    [
      'a /29 without network, broadcast and gateway',
      { ranges: ['192.0.2.0/29'], prefixLength: 29, gateway: '192.0.2.1' },
      ['192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'],
    ],
    [
      'part of a larger prefix whole',
      { ranges: ['192.0.2.64/30'], prefixLength: 24 },
      ['192.0.2.64', '192.0.2.65', '192.0.2.66', '192.0.2.67'],
    ],
    ['both ends of a /31', { ranges: ['192.0.2.4/31'], prefixLength: 31 }, ['192.0.2.4', '192.0.2.5']],
    ['the other end of a /31 with its gateway', { ranges: ['192.0.2.4/31'], prefixLength: 31, gateway: '192.0.2.4' }, ['192.0.2.5']],
    ['single /32s', { ranges: ['192.0.2.0', '192.0.2.255'], prefixLength: 32 }, ['192.0.2.0', '192.0.2.255']],
    [
      'each network of a range without its edges',
      { ranges: ['192.0.2.0/29'], prefixLength: 30 },
      ['192.0.2.1', '192.0.2.2', '192.0.2.5', '192.0.2.6'],
    ],
    [
      'an IPv6 /126 without the subnet-router anycast',
      { ranges: ['2001:db8::/126'], prefixLength: 126 },
      ['2001:db8::1', '2001:db8::2', '2001:db8::3'],
    ],
    ['both ends of a /127', { ranges: ['2001:db8::/127'], prefixLength: 127 }, ['2001:db8::', '2001:db8::1']],
    ['a /128', { ranges: ['2001:db8::'], prefixLength: 128 }, ['2001:db8::']],
    [
      'ranges that overlap once',
      { ranges: ['192.0.2.8-192.0.2.10', '192.0.2.9-192.0.2.11'], prefixLength: 24 },
      ['192.0.2.8', '192.0.2.9', '192.0.2.10', '192.0.2.11'],
    ],
    [
      'what exclude leaves',
      { ranges: ['192.0.2.8-192.0.2.13'], exclude: ['192.0.2.9', '192.0.2.12/30'], prefixLength: 24 },
      ['192.0.2.8', '192.0.2.10', '192.0.2.11'],
    ],
    [
      'reserved ones too, to their VM',
      { ranges: ['192.0.2.8'], prefixLength: 24, reservations: [{ address: '192.0.2.8', for: { namespace: 'a', name: 'b' } }] },
      ['192.0.2.8'],
    ],
    ['nothing of a prefix that is all edges and gateway', { ranges: ['192.0.2.0-192.0.2.1'], prefixLength: 30, gateway: '192.0.2.1' }, []],
  ])('are %s', (_, spec, gives) => expect(addresses(space(spec))).toEqual(gives))

  it('count without being enumerated', () => {
    const huge = space({ ranges: ['2001:db8::/32'], prefixLength: 32, gateway: 'fe80::1' })
    expect(huge.usable.size).toBe(2n ** 96n - 1n)
    expect(space({ ranges: ['2001:db8::/48'], prefixLength: 64 }).usable.size).toBe(2n ** 80n - 65_536n)
    expect(space({ ranges: ['10.0.0.0/8'], prefixLength: 8, gateway: '10.0.0.1' }).usable.size).toBe(2n ** 24n - 3n)
  })

  it('of the example: 90 - 6 + 64, with one reserved', () => {
    const example = space({
      ranges: ['203.0.113.10-203.0.113.99', '203.0.113.128/26'],
      exclude: ['203.0.113.50', '203.0.113.60-203.0.113.64'],
      gateway: '203.0.113.1',
      reservations: [{ address: '203.0.113.25', for: { namespace: 'customer-7', name: 'mail' } }],
    })
    expect(example.usable.size).toBe(148n)
    expect(example.open.size).toBe(147n)
    expect([...example.reserved.values()]).toEqual([{ namespace: 'customer-7', name: 'mail' }])
  })

  it('are never excluded, the gateway, a network or a broadcast address', () => {
    const base = 0xcb00_7100n
    const octet = fc.integer({ min: 0, max: 255 })
    const text = (last: number): string => formatAddress({ family: 'IPv4', value: base + BigInt(last) })
    const range = fc.tuple(octet, octet).map(([a, b]) => `${text(Math.min(a, b))}-${text(Math.max(a, b))}`)
    const pool = fc.record({
      ranges: fc.array(range, { minLength: 1, maxLength: 4 }),
      exclude: fc.array(fc.oneof(range, octet.map(text)), { maxLength: 4 }),
      prefixLength: fc.integer({ min: 24, max: 32 }),
      gateway: fc.option(octet.map(text), { nil: undefined }),
    })
    const inRange = (written: string, address: Address): boolean => {
      const [from, to = from] = written.split('-') as [string, string?]
      return (parseAddress(from) as Address).value <= address.value && address.value <= (parseAddress(to) as Address).value
    }
    fc.assert(
      fc.property(pool, (spec) => {
        const made = usableAddressesOf(spec)
        if (typeof made === 'string') return
        const wantedOnes: string[] = []
        for (let last = 0; last < 256; last++) {
          const address: Address = { family: 'IPv4', value: base + BigInt(last) }
          const cidr = `${text(last)}/${spec.prefixLength}`
          const isEdge =
            spec.prefixLength < 31 &&
            [ipaddr.IPv4.networkAddressFromCIDR(cidr).toString(), ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString()].includes(
              text(last),
            )
          const wanted =
            spec.ranges.some((one) => inRange(one, address)) &&
            !spec.exclude.some((one) => inRange(one, address)) &&
            !isEdge &&
            spec.gateway !== text(last)
          if (wanted) wantedOnes.push(text(last))
        }
        expect(addresses(made)).toEqual(wantedOnes)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a pool that contradicts itself', () => {
  it.each<[what: string, spec: Partial<RangeSpec>, says: RegExp]>([
    [
      'an IPv6 range that ends before it begins',
      { ranges: ['2001:db8::2-2001:db8::1'], prefixLength: 64 },
      /^spec\.ranges\[0\] .* ends before it begins$/,
    ],
    ['two families', { ranges: ['203.0.113.0/24', '2001:db8::/64'] }, /^spec\.ranges\[1\] .*not IPv4/],
    ['a range of two families', { ranges: ['203.0.113.1-2001:db8::1'] }, /^spec\.ranges\[0\] .*begins in one family/],
    ['exclude of another family', { exclude: ['2001:db8::/64'] }, /^spec\.exclude\[0\] .*not IPv4/],
    ['no range at all', { ranges: ['203.0.113.0/33'] }, /^spec\.ranges\[0\] .*not a valid CIDR/],
    [
      'a range that leaves the network of the gateway',
      { ranges: ['203.0.113.10-203.0.114.10'], gateway: '203.0.113.1' },
      /^spec\.ranges\[0\] .*not inside 203\.0\.113\.0\/24, the network of spec\.gateway/,
    ],
    ['an IPv6 gateway outside', { ranges: ['2001:db8:a::/64'], prefixLength: 64, gateway: '2001:db8:b::1' }, /spec\.gateway 2001:db8:b::1/],
    ['a gateway of another family', { gateway: '2001:db8::1' }, /^spec\.gateway .*family/],
    ['a prefix longer than an address', { prefixLength: 64 }, /^spec\.prefixLength 64/],
    ['more networks than can be kept', { ranges: ['10.0.0.0/8'], prefixLength: 30 }, /^spec\.ranges\[0\] .*65536 networks/],
    [
      'a reservation outside',
      { reservations: [{ address: '203.0.114.1', for: { namespace: 'a', name: 'b' } }] },
      /^spec\.reservations\[0\]\.address 203\.0\.114\.1 is not in the ranges/,
    ],
    [
      'a reserved gateway',
      { gateway: '203.0.113.1', reservations: [{ address: '203.0.113.1', for: { namespace: 'a', name: 'b' } }] },
      /is the gateway: the pool never allocates it$/,
    ],
    [
      'a reservation of another family',
      { reservations: [{ address: '2001:db8::1', for: { namespace: 'a', name: 'b' } }] },
      /is not an IPv4 address/,
    ],
    [
      'one address reserved in two spellings',
      {
        ranges: ['2001:db8::/64'],
        prefixLength: 64,
        reservations: ['2001:db8::1', '2001:DB8:0::1'].map((address) => ({ address, for: { namespace: 'a', name: 'b' } })),
      },
      /^spec\.reservations\[1\]\.address .*reserved twice$/,
    ],
  ])('says which field is wrong: %s', (_, spec, says) => expect(problem(spec)).toMatch(says))

  it.each<[ranges: string[], prefixLength: number, gateway: string, size: bigint]>([
    [['198.51.100.64/29'], 32, '192.0.2.254', 8n],
    [['198.51.100.170-198.51.100.175'], 32, '172.31.1.1', 6n],
    [['2001:db8:beef::10-2001:db8:beef::1f'], 128, '2001:db8:ffff::1', 16n],
    [['198.51.100.64/29'], 32, '198.51.100.65', 7n],
  ])('does not mind the gateway of routed addresses: %j /%i by %s', (ranges, prefixLength, gateway, size) => {
    expect(space({ ranges, prefixLength, gateway }).usable.size).toBe(size)
  })

  it('does not mind a link-local gateway', () => {
    expect(problem({ ranges: ['2001:db8:a::/64'], prefixLength: 64, gateway: 'fe80::1' })).toBe('no problem')
  })
})
