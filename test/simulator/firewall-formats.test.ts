import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { cleanCidr, fromBits, storedCidr, toBits } from '../../src/simulator/firewall/address.ts'
import { emptyFirewall, reread } from '../../src/simulator/firewall/file.ts'
import { firewallFormats } from '../../src/simulator/firewall/formats.ts'
import { moved } from '../../src/simulator/firewall/rules.ts'

const refusals: [format: string, value: string, text: string | undefined][] = [
  ['pve-fw-addr-spec', '10.0.0.0/24', undefined],
  ['pve-fw-addr-spec', '10.0.0.1,10.0.0.2', undefined],
  ['pve-fw-addr-spec', '10.0.0.1-10.0.0.9', undefined],
  ['pve-fw-addr-spec', '+guest/web', undefined],
  ['pve-fw-addr-spec', 'dc/office', undefined],
  ['pve-fw-addr-spec', '300.1.1.1', 'invalid IP address: Invalid quad in IP address 300.1.1.1 - 300'],
  ['pve-fw-addr-spec', '10.0.0.5/24', 'invalid IP address: Invalid prefix 00001010000000000000000000000101/24'],
  ['pve-fw-addr-spec', '10.0.0.1,2001:db8::1', "detected mixed ipv4/ipv6 addresses in address list '10.0.0.1,2001:db8::1'"],
  ['pve-fw-addr-spec', '10.0.0.1,', 'extraneous commas in list'],
  ['pve-fw-dport-spec', '80,443,8000:8010', undefined],
  ['pve-fw-dport-spec', 'http', undefined],
  ['pve-fw-dport-spec', 'echo-request', undefined],
  ['pve-fw-sport-spec', 'echo-request', "invalid port 'echo-request'"],
  ['pve-fw-dport-spec', '99999', "invalid port '99999'"],
  ['pve-fw-dport-spec', '80:70', "backwards range '80:70' not allowed, did you mean '70:80'?"],
  ['pve-fw-dport-spec', '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16', 'too many entries in port list (> 15 numbers)'],
  ['pve-fw-protocol-spec', 'tcp', undefined],
  ['pve-fw-protocol-spec', '6', undefined],
  ['pve-fw-protocol-spec', 'foo', "unknown protocol 'foo'"],
  ['pve-fw-icmp-type-spec', 'foo', "invalid icmp-type value 'foo'"],
  ['IPorCIDR', '10.0.0.5/24', undefined],
  ['IPorCIDR', 'foo', 'value does not look like a valid IP address or CIDR network'],
  ['IPorCIDRorAlias', 'guest/db', undefined],
]

describe('a firewall value', () => {
  it.each(refusals)('%s: %s', (format, value, text) => {
    expect(firewallFormats[format]?.(value)).toBe(text)
  })
})

describe('an address', () => {
  it.each([
    ['10.0.0.11/24', '10.0.0.0/24'],
    ['2001:DB8::5/64', '2001:db8::/64'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.0.0.5', '10.0.0.5'],
  ])('%s is cleaned to %s', (given, cleaned) => {
    expect(cleanCidr(given)).toBe(cleaned)
  })

  it.each([
    ['10.0.0.5/32', '10.0.0.5'],
    ['2001:db8::5/128', '2001:db8::5'],
    ['10.0.0.0/24', '10.0.0.0/24'],
  ])('%s is stored as %s', (given, stored) => {
    expect(storedCidr(given)?.cidr).toBe(stored)
  })

  it('keeps its bits through any spelling', () => {
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const bits = toBits(ip, 6)
        expect(bits).toHaveLength(128)
        expect(toBits(fromBits(bits), 6)).toBe(bits)
      }),
    )
    fc.assert(fc.property(fc.ipV4(), (ip) => expect(fromBits(toBits(ip, 4))).toBe(ip)))
  })
})

describe('a firewall file that is saved', () => {
  const rule = { type: 'in', action: 'ACCEPT', enable: 1 }

  it('reads back with one comment line, enable 0 or 1, sorted sets without /32', () => {
    const file = {
      ...emptyFirewall(),
      rules: [{ ...rule, enable: 2, comment: 'first\nsecond' }],
      ipsets: { Set: { entries: [{ cidr: '10.0.0.9' }, { cidr: '10.0.0.5/32' }] } },
    }
    const saved = reread(file)
    expect(saved.rules).toEqual([{ ...rule, comment: 'first' }])
    expect(saved.ipsets).toEqual({ set: { entries: [{ cidr: '10.0.0.5' }, { cidr: '10.0.0.9' }] } })
    expect(reread(saved)).toEqual(saved)
  })

  it('moves a rule in front of the one that has the index now', () => {
    const rules = ['a', 'b', 'c', 'd'].map((comment) => ({ ...rule, comment }))
    const order = (from: number, to: number): string =>
      moved(rules, from, to)
        .map(({ comment }) => comment ?? '')
        .join('')
    expect([order(0, 3), order(3, 0), order(0, 999), order(1, 1)]).toEqual(['bcad', 'dabc', 'bcda', 'abcd'])
  })
})
