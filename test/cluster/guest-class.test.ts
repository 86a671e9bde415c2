import { describe, expect, it } from '@jest/globals'
import { classOf, guestFactsOf } from '../../src/cluster/guest-class.ts'
import type { KnownGuest } from '../../src/cluster/guest-index.ts'
import { unclaimedOf } from '../../src/cluster/unclaimed.ts'
import { markOf, parseMark, printObjectLine } from '../../src/ladder/mark.ts'

const owners = { isLiving: (uid: string) => uid === 'living', installation: 'here', former: ['before'] }
const marked = (uid: string, vmid: number, installation?: string) => {
  const object = { installation: installation ?? '', cluster: 'fra1', namespace: 'customer-7', name: 'shop', done: [] }
  return parseMark([markOf(uid, vmid), ...(installation === undefined ? [] : [printObjectLine(object)])].join('\n'))
}

describe('a guest of VMID 100', () => {
  it.each([
    ['owned', 'a living object', marked('living', 100, 'here')],
    ['owned', 'a living object, whatever installation is written beside it', marked('living', 100, 'there')],
    ['unclaimed', 'an object that is no more', marked('dead', 100, 'here')],
    ['unclaimed', 'an object that is no more, by a version that wrote one line', marked('dead', 100)],
    ['unclaimed', 'an object of a former installation', marked('dead', 100, 'before')],
    ['theirs', 'an object of another installation', marked('dead', 100, 'there')],
    ['copy', 'another VMID, with a living uid', marked('living', 200, 'here')],
    ['foreign', 'nobody', undefined],
  ] as const)('is %s when its mark names %s', (is, _of, mark) => expect(classOf(mark, 100, owners)).toBe(is))
})

describe('what a guest shows', () => {
  const facts = (config: Record<string, string>, allowed: { cidr: string; nomatch: boolean }[] = []) =>
    guestFactsOf({ node: 'pve1', vmid: 100 }, config, allowed)

  it('is every address of every ipconfig, and no dhcp, auto or gateway', () => {
    const config = {
      ipconfig1: 'ip=dhcp,ip6=2001:db8::7/64,gw6=fe80::1',
      ipconfig0: 'gw=203.0.113.1,ip=203.0.113.10/24,ip6=auto',
      ipconfig10: 'ip=manual,ip6=dhcp',
    }
    expect(facts(config).addresses).toEqual(['203.0.113.10', '2001:db8::7'])
  })

  it('is what its sets allow, single addresses only', () => {
    const allowed = ['203.0.113.10', '203.0.113.11/32', '2001:db8::7/128', '10.0.0.0/8'].map((cidr) => ({ cidr, nomatch: false }))
    expect(facts({}, [...allowed, { cidr: '203.0.113.12', nomatch: true }]).addresses).toEqual([
      '203.0.113.10',
      '203.0.113.11',
      '2001:db8::7',
    ])
  })

  it('is the MAC address of its first network card', () =>
    expect(facts({ net0: 'virtio=bc:24:11:00:00:01,bridge=vmbr0' }).macAddress).toBe('BC:24:11:00:00:01'))
})

describe('the list of guests without an owner', () => {
  const guest = (vmid: number, is: KnownGuest['class'], mark?: KnownGuest['mark']): KnownGuest => ({
    vmid,
    node: 'pve1',
    name: `vm-${vmid}`,
    addresses: [],
    class: is,
    sinceMs: 0,
    ...(mark && { mark }),
  })

  it('has unclaimed ones first, then those of others and copies; only the first are counted', () => {
    const guests = [
      guest(1, 'copy', marked('living', 100, 'here')),
      guest(2, 'theirs', marked('dead', 2, 'there')),
      guest(3, 'foreign'),
      guest(4, 'unclaimed', marked('dead', 4, 'here')),
    ]
    const { unclaimed, unclaimedCount } = unclaimedOf(guests)
    expect(unclaimedCount).toBe(1)
    expect(unclaimed.map(({ vmid, formerObject, installation, copyOf }) => [vmid, formerObject, installation, copyOf])).toEqual([
      [4, 'customer-7/shop', undefined, undefined],
      [2, 'customer-7/shop', 'there', undefined],
      [1, 'customer-7/shop', undefined, 100],
    ])
  })

  it('keeps, after a restart, who has not been read yet, and the date of who is still so', () => {
    const told = (vmid: number) => ({ vmid, node: 'pve1', name: `vm-${vmid}`, since: '2026-01-01T00:00:00Z' })
    const before = { told: [told(4), told(5), told(6)], isUnread: (vmid: number) => vmid === 5 }
    const { unclaimed, unclaimedCount } = unclaimedOf([guest(4, 'unclaimed', marked('dead', 4))], before)
    expect(unclaimed.map(({ vmid, since }) => [vmid, since])).toEqual([
      [4, '2026-01-01T00:00:00Z'],
      [5, '2026-01-01T00:00:00Z'],
    ])
    expect(unclaimedCount).toBe(2)
  })

  it('is as long as the CRD allows, and the count is of all', () => {
    const { unclaimed, unclaimedCount } = unclaimedOf(Array.from({ length: 300 }, (_, at) => guest(at, 'unclaimed', marked('dead', at))))
    expect([unclaimed.length, unclaimedCount]).toEqual([256, 300])
  })
})
