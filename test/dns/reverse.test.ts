import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { blockHolds, canonicalAddress, classlessName, parseBlock, reverseName } from '../../src/dns/reverse.ts'
import { type Address, parseAddress } from '../../src/ipam/address.ts'
import { forwardZones, reverseZones } from '../../src/dns/zones.ts'

const addressOf = (text: string): Address => {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}
const reverseOf = (text: string): string => reverseName(addressOf(text))

const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })

describe('the reverse name', () => {
  it('of the RFCs own examples is theirs', () => {
    expect(reverseOf('10.2.0.52')).toBe('52.0.2.10.in-addr.arpa') // RFC 1035 3.5
    expect(reverseOf('4321:0:1:2:3:4:567:89ab')).toBe('b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa') // RFC 3596 2.5
  })

  it('of an IPv4 address is its octets backwards', () => {
    fc.assert(fc.property(octets, (bytes) => expect(reverseOf(bytes.join('.'))).toBe(`${bytes.toReversed().join('.')}.in-addr.arpa`)))
  })

  it('of an IPv6 address has 32 nibbles that read backwards give the address', () => {
    fc.assert(
      fc.property(groups, (all) => {
        const name = reverseOf(all.map((group) => group.toString(16)).join(':'))
        const nibbles = name.replace(/\.ip6\.arpa$/, '').split('.')
        expect(nibbles).toHaveLength(32)
        expect(nibbles.toReversed().join('')).toBe(all.map((group) => group.toString(16).padStart(4, '0')).join(''))
      }),
    )
  })

  it('is the same for every spelling of an address', () => {
    fc.assert(
      fc.property(groups, (all) => {
        const full = all.map((group) => group.toString(16).padStart(4, '0')).join(':')
        const short = ipaddr.IPv6.parse(full).toString()
        for (const spelling of [short, full.toUpperCase(), canonicalAddress(full) ?? '']) expect(reverseOf(spelling)).toBe(reverseOf(full))
      }),
    )
  })
})

describe('an address', () => {
  it('has one spelling, that of RFC 5952', () => {
    fc.assert(
      fc.property(groups, (all) => {
        const text = all.map((group) => group.toString(16)).join(':')
        const written = canonicalAddress(text) ?? ''
        expect(ipaddr.IPv6.parse(written).toByteArray()).toEqual(ipaddr.IPv6.parse(text).toByteArray())
        expect(canonicalAddress(written)).toBe(written)
        expect(written).toBe(ipaddr.IPv6.parse(text).toRFC5952String())
      }),
    )
  })

  it.each(['', '1.2.3', '01.2.3.4', '1.2.3.4/24', 'fe80::1%eth0', 'example.com', '2001:db8::1::2'])('is not read from "%s"', (text) => {
    expect(parseAddress(text)).toBeUndefined()
    expect(canonicalAddress(text)).toBeUndefined()
  })
})

describe('a classless block (RFC 2317)', () => {
  it('holds exactly the addresses of its range', () => {
    fc.assert(
      fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (base, other, length) => {
        const block = parseBlock(`${base.join('.')}/${length}`)
        if (block === undefined) throw new Error('no block')
        const inside = ipaddr.IPv4.parse(other.join('.')).match(ipaddr.IPv4.parse(base.join('.')), length)
        expect(blockHolds(block, addressOf(other.join('.')))).toBe(inside)
      }),
    )
  })

  it.each(['198.51.100.64', '198.51.100.64/33', '2001:db8::/64', '64/26', ''])('is not read from "%s"', (text) => {
    expect(parseBlock(text)).toBeUndefined()
  })

  it('names a record by the last octet below the zone', () => {
    expect(classlessName(addressOf('198.51.100.70'), '64/26.100.51.198.in-addr.arpa')).toBe('70.64/26.100.51.198.in-addr.arpa')
  })
})

describe('the zone of a record', () => {
  const plain = (zone: string, ref = zone) => ({ ref, zone })
  const classless = (zone: string, cidr: string) => {
    const block = parseBlock(cidr)
    if (block === undefined) throw new Error('no block')
    return { ref: zone, zone, block }
  }
  const refs = (found: readonly { ref: string }[]): string[] => found.map((each) => each.ref)
  const placed = (text: string, zones: Parameters<typeof reverseZones>[1]) => {
    const address = parseAddress(text)
    return address === undefined ? [] : reverseZones(address, zones).map(({ zone, name }) => `${zone.ref}: ${name}`)
  }

  it('is the longest that holds its name', () => {
    const zones = [plain('example.com'), plain('vps.example.com'), plain('example.net')]
    expect(refs(forwardZones('web1.vps.example.com', zones))).toEqual(['vps.example.com'])
    expect(refs(forwardZones('web1.example.com', zones))).toEqual(['example.com'])
    expect(refs(forwardZones('web1.example.org', zones))).toEqual([])
    expect(refs(forwardZones('xexample.com', zones))).toEqual([])
  })

  it('is every object that serves the longest name, when several do', () => {
    const zones = [plain('example.com', 'inside'), plain('example.com', 'outside'), plain('com', 'com')]
    expect(refs(forwardZones('web1.example.com', zones))).toEqual(['inside', 'outside'])
  })

  it('is found address by address, not pool by pool', () => {
    const zones = [plain('0.113.203.in-addr.arpa'), plain('113.203.in-addr.arpa'), plain('8.b.d.0.1.0.0.2.ip6.arpa')]
    expect(placed('203.113.0.9', zones)).toEqual(['0.113.203.in-addr.arpa: 9.0.113.203.in-addr.arpa'])
    expect(placed('203.113.1.9', zones)).toEqual(['113.203.in-addr.arpa: 9.1.113.203.in-addr.arpa'])
    expect(placed('2001:db8::1', zones)).toHaveLength(1)
    expect(placed('2001:db9::1', zones)).toEqual([])
  })

  it('is the classless one whenever its block holds the address, whatever it is called', () => {
    const zones = [
      plain('100.51.198.in-addr.arpa'),
      classless('64/26.100.51.198.in-addr.arpa', '198.51.100.64/26'),
      classless('rev.customer.example', '198.51.100.72/29'),
    ]
    expect(placed('198.51.100.70', zones)).toEqual(['64/26.100.51.198.in-addr.arpa: 70.64/26.100.51.198.in-addr.arpa'])
    expect(placed('198.51.100.75', zones)).toEqual(['rev.customer.example: 75.rev.customer.example'])
    expect(placed('198.51.100.200', zones)).toEqual(['100.51.198.in-addr.arpa: 200.100.51.198.in-addr.arpa'])
  })

  it('is never a classless one by name', () => {
    expect(refs(forwardZones('a.rev.customer.example', [classless('rev.customer.example', '198.51.100.72/29')]))).toEqual([])
  })
})
