import { describe, expect, it } from '@jest/globals'
import type { GuestSeen, StartVerdict } from '../../src/want/cold-start.ts'
import { addressesIn, behindOf, seenAfterStart, seenBefore, seenUnknown, stillUsed } from '../../src/want/guest-seen.ts'

const at = { since: '2026-01-01T12:00:00.000Z', node: 'pve1' }
const [a, b, c, extra] = ['203.0.113.10', '203.0.113.11', '203.0.113.12', '203.0.113.99']
const shown = (values: Record<string, string>, passwordVersion?: string) => ({ values, passwordVersion })
const ip = (address: string) => ({ ipconfig0: `ip=${address}/24,gw=203.0.113.1` })

function before(
  now: string,
  next: string,
  o: { seen?: GuestSeen; is?: StartVerdict['is']; held?: string[]; leaving?: string[] } = {},
): GuestSeen {
  const verdict = (o.is === 'unknown' ? { is: 'unknown', why: '' } : { is: o.is ?? 'same' }) as StartVerdict
  const ipconfig = now === '' ? {} : ip(now)
  return seenBefore({
    before: o.seen,
    verdict,
    shown: shown({ ...ipconfig, name: 'small' }),
    held: o.held ?? [now, next],
    leaving: o.leaving ?? [now],
    wanted: ip(next).ipconfig0,
    at,
  })
}

describe('the record before PVE is given another address', () => {
  it('has the one that PVE shows, as a VM without a record has what PVE shows', () => {
    expect(before(a, b).addresses).toEqual([a])
  })

  it('keeps the first one while the guest runs on in its process', () => {
    expect(before(b, c, { seen: before(a, b) }).addresses).toEqual([a])
  })

  it('has both when the guest may have been started in between', () => {
    expect(before(b, c, { seen: before(a, b), is: 'unknown' }).addresses).toEqual([a, b])
  })

  it('has the second one when the guest was started in between', () => {
    expect(before(b, c, { seen: before(a, b), is: 'started' }).addresses).toEqual([b])
  })

  it('has all that the VM holds when somebody wrote another one into PVE by hand', () => {
    expect(before('192.0.2.7', a, { held: [a], leaving: [] }).addresses).toEqual(['192.0.2.7', a])
    expect(before('', a, { held: [a], leaving: [] }).addresses).toEqual([a])
  })

  it('leaves out an address that cloud-init never configured', () => {
    expect(before(a, b, { held: [a, b, extra], leaving: [a, extra] }).addresses).toEqual([a])
  })
})

describe('what the guest may still use of the addresses that leave', () => {
  it('is what PVE shows, as long as there is no record', () => {
    expect(stillUsed(undefined, ip(a).ipconfig0, [a, extra])).toEqual([a])
    expect(stillUsed(undefined, ip(b).ipconfig0, [a, extra])).toEqual([])
  })

  it('is what the record has, and nothing once the VM was off', () => {
    const seen = before(a, b)

    expect(stillUsed(seen, ip(b).ipconfig0, [a, extra])).toEqual([a])
    expect(stillUsed(seenAfterStart(seen, shown(ip(b)), true), ip(b).ipconfig0, [a])).toEqual([])
    expect(stillUsed(seenAfterStart(seen, shown(ip(b)), false), ip(b).ipconfig0, [a])).toEqual([])
  })

  it('is what was being released when the record was lost', () => {
    const seen = seenUnknown([a], shown(ip(b)), at)

    expect(stillUsed(seen, ip(b).ipconfig0, [a, extra])).toEqual([a])
    expect(behindOf(seen, shown(ip(b)))).toEqual(['addresses'])
  })
})

describe('the fields that a running guest does not have yet', () => {
  const first = shown({ ...ip(a), name: 'small', ciuser: 'admin', cipassword: '**********' }, 'uid-1/1')
  const seen = seenBefore({ before: undefined, verdict: { is: 'same' }, shown: first, held: [a], leaving: [], wanted: ip(a).ipconfig0, at })

  it.each<[claim: string, now: Record<string, string>, version: string, fields: string[]]>([
    ['none, as long as PVE shows what it has', first.values, 'uid-1/1', []],
    ['the host name', { ...first.values, name: 'large' }, 'uid-1/1', ['host name']],
    ['a password, by the version of its Secret', first.values, 'uid-1/2', ['password']],
    ['the user, also when it is removed', { ...ip(a), name: 'small', cipassword: '*' }, 'uid-1/1', ['user']],
    [
      'the gateway of its pool',
      { ...first.values, ipconfig0: `ip=${a}/24,gw=203.0.113.254` },
      'uid-1/1',
      ['gateway or prefix of its address'],
    ],
    ['its addresses', { ...first.values, ...ip(b) }, 'uid-1/1', ['addresses']],
    ['keys that are new', { ...first.values, sshkeys: 'x' }, 'uid-1/1', ['SSH keys']],
  ])('are %s', (_claim, values, version, fields) => {
    expect(behindOf(seen, shown(values, version))).toEqual(fields)
  })

  it('are none without a record', () => {
    expect(behindOf(undefined, first)).toEqual([])
  })

  it('never show a password or its hash', () => {
    expect(JSON.stringify(seen)).toContain('uid-1/1')
    expect(seen.values.find(({ key }) => key === 'cipassword')?.fingerprint).toBe('uid-1/1')
  })
})

it('reads the addresses of both families, and none of DHCP', () => {
  expect(addressesIn('ip=203.0.113.10/24,gw=203.0.113.1,ip6=2001:db8::5/64,gw6=fe80::1')).toEqual(['203.0.113.10', '2001:db8::5'])
  expect(addressesIn('ip=dhcp,ip6=auto')).toEqual([])
  expect(addressesIn(undefined)).toEqual([])
})
