import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { expandName, type MacroSource, type ExpandedName } from '../../src/want/name-macros.ts'

/** 0.0, 0.1, … 0.9, 0.0, …: every draw is another one. */
function drawing(): () => number {
  let draws = 0
  return () => (draws++ % 10) / 10
}
const source = (over: Partial<MacroSource> = {}): MacroSource => ({
  namespace: 'customer-7',
  name: 'whmcs-5546',
  vmid: 10042,
  labels: { 'pve.hosting/client-id': '142', 'pve.hosting/service-id': '5546' },
  nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  random: drawing(),
  ...over,
})
const named = (value: string): ExpandedName => ({ is: 'named', value })
const invalid = (why: string): ExpandedName => ({ is: 'invalid', why })

describe('a name', () => {
  it.each<[pattern: string, name: ExpandedName]>([
    ['web1.vps.example.com', named('web1.vps.example.com')],
    ['{namespace}-{name}', named('customer-7-whmcs-5546')],
    ['vm{vmid}', named('vm10042')],
    ['c{client_id}-s{service_id}', named('c142-s5546')],
    ['vps-{random6}', named('vps-adhkos')],
    ['vps-{random_letter_4}', named('vps-acfh')],
    ['vps-{random_digit_10}', named('vps-0123456789')],
    ['t{unixtime}', named('t1767323045')],
    ['{year}{month}{day}-{hour}{minute}{second}', named('20260102-030405')],
    ['{namespace}.{namespace}', named('customer-7.customer-7')],
    ['WEB{vmid}', named('web10042')],
  ])('of %s is %j', (pattern, name) => expect(expandName(pattern, source())).toEqual(name))

  it.each<[pattern: string, name: ExpandedName]>([
    ['{hostid}', invalid('unknown macro {hostid}')],
    ['0{vmid}', invalid('cloud-init reads "010042" (from "0{vmid}") as a number, date or word: put letters in front, such as vm-010042')],
    ['ON', invalid('cloud-init reads "on" (from "ON") as a number, date or word: put letters in front, such as vm-on')],
    ['{constructor}', invalid('unknown macro {constructor}')],
    ['{random}', invalid('unknown macro {random}')],
    ['{Random6}', invalid('unknown macro {Random6}')],
    ['{a}-{b}', invalid('unknown macro {a}; unknown macro {b}')],
    ['a_b', invalid('"a_b" (from "a_b") is not a valid host name: use letters, digits, "-" and "."')],
    ['-{vmid}', invalid('"-10042" (from "-{vmid}") is not a valid host name: use letters, digits, "-" and "."')],
    ['a,tag=1', invalid('"a,tag=1" (from "a,tag=1") is not a valid host name: use letters, digits, "-" and "."')],
    ['a{b', invalid('"a{b" (from "a{b") is not a valid host name: use letters, digits, "-" and "."')],
    ['', invalid('"" (from "") is not a valid host name: use letters, digits, "-" and "."')],
  ])('is not made of %j', (pattern, why) => expect(expandName(pattern, source())).toEqual(why))

  it('needs the label a macro asks for', () => {
    expect(expandName('c{client_id}', source({ labels: {} }))).toEqual(
      invalid('{client_id} needs the label pve.hosting/client-id on the object; add the label'),
    )
  })

  it('has labels of at most 63 characters and 253 in all', () => {
    expect(expandName('a'.repeat(63), source()).is).toBe('named')
    expect(expandName('a'.repeat(64), source()).is).toBe('invalid')
    expect(expandName(Array(5).fill('a'.repeat(60)).join('.'), source()).is).toBe('invalid')
  })

  it('is a host name or refused, whatever the pattern', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (pattern) => {
        const name = expandName(pattern, source())
        expect(name.is === 'invalid' || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name.value)).toBe(true)
      }),
    )
  })
})
