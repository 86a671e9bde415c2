import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { differenceTo, differenceToNone, type Rules } from '../../src/dns/difference.ts'
import { markFits, markName, dnsMarkOf, ownerIn } from '../../src/dns/marks.ts'
import type { Found, RecordSet } from '../../src/dns/providers/provider.ts'
import { type Subject, type WantedZone, dnsWishOf } from '../../src/dns/records.ts'

const zone = (name: string, more: Partial<WantedZone> = {}): WantedZone => ({
  ref: name,
  zone: name,
  ttlSeconds: 300,
  marksByTXT: true,
  ...more,
})
const zones = [zone('example.com'), zone('2.0.192.in-addr.arpa'), zone('8.b.d.0.1.0.0.2.ip6.arpa')]
const web: Subject = {
  hostname: 'Web1.example.com.',
  addresses: [
    { entry: 'main', address: '192.0.2.10' },
    { entry: 'main6', address: '2001:DB8:0::1' },
  ],
}
const lines = (subject: Subject, from = zones): string[] =>
  dnsWishOf(subject, from).wanted.map((each) => `${each.zone}: ${each.set.name} ${each.set.type} ${each.set.values.join(' ')}`)

const v6 = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'

describe('the records of a VM', () => {
  it('are A and AAAA of its host name and a PTR of each address, forward first', () => {
    expect(lines(web)).toEqual([
      'example.com: web1.example.com A 192.0.2.10',
      'example.com: web1.example.com AAAA 2001:db8::1',
      `8.b.d.0.1.0.0.2.ip6.arpa: ${v6} PTR web1.example.com`,
      '2.0.192.in-addr.arpa: 10.2.0.192.in-addr.arpa PTR web1.example.com',
    ])
  })

  it('of two addresses of a family are one record set', () => {
    const two = { ...web, addresses: [...web.addresses, { entry: 'extra', address: '192.0.2.9' }] }
    expect(lines(two)).toContain('example.com: web1.example.com A 192.0.2.10 192.0.2.9')
  })

  it('lead an address with a ptr of its own to that name, which waits for no forward record', () => {
    const wish = dnsWishOf({ ...web, addresses: [{ entry: 'main', address: '192.0.2.10', ptr: 'mail.customer.example.' }] }, zones)
    expect(wish.wanted.map((each) => [each.set.type, each.set.values, each.afterForward])).toEqual([
      ['A', ['192.0.2.10'], false],
      ['PTR', ['mail.customer.example'], false],
    ])
    expect(
      dnsWishOf(web, zones)
        .wanted.filter((each) => each.set.type === 'PTR')
        .every((each) => each.afterForward),
    ).toBe(true)
  })

  it('without a zone are named and are no problem', () => {
    expect(dnsWishOf(web, [])).toEqual({
      wanted: [],
      problems: [],
      homeless: ['A of web1.example.com', 'PTR of 192.0.2.10', 'AAAA of web1.example.com', 'PTR of 2001:db8::1'],
    })
  })

  it('are none for a name without a domain, and no PTR leads to it', () => {
    expect(dnsWishOf({ ...web, hostname: 'web1' }, zones)).toEqual({ wanted: [], problems: [], homeless: ['web1, which has no domain'] })
    const ptr = dnsWishOf({ addresses: [{ entry: 'main', address: '192.0.2.10', ptr: 'mail' }] }, zones)
    expect(ptr).toMatchObject({ wanted: [], problems: [expect.stringMatching(/ptr of entry main: "mail" has no domain/)] })
  })

  it('are none for a name that is no host name, but the PTR of the users own is still wanted', () => {
    const wish = dnsWishOf(
      { hostname: 'web_1.example.com', addresses: [{ entry: 'main', address: '192.0.2.10', ptr: 'a.example.com' }] },
      zones,
    )
    expect(wish.problems).toEqual([expect.stringMatching(/^host name: .*underscore/)])
    expect(wish.wanted).toHaveLength(1)
  })

  it('are refused where the mark would not fit beside them', () => {
    const long = `${`${'a'.repeat(60)}.`.repeat(3)}${'b'.repeat(50)}.example.com`
    expect(long.length).toBe(245)
    expect(dnsWishOf({ ...web, hostname: long }, zones).problems).toEqual([expect.stringMatching(/too long for the owner record/)])
    expect(dnsWishOf({ ...web, hostname: long }, [zone('example.com', { marksByTXT: false })]).problems).toEqual([])
  })

  it('do not depend on the order of addresses or zones', () => {
    const octet = fc.integer({ min: 1, max: 254 })
    fc.assert(
      fc.property(fc.uniqueArray(octet, { maxLength: 8 }), fc.boolean(), (ends, turned) => {
        const subject = { hostname: 'web1.example.com', addresses: ends.map((end) => ({ entry: `e${end}`, address: `192.0.2.${end}` })) }
        const other = { ...subject, addresses: subject.addresses.toReversed() }
        expect(dnsWishOf(other, turned ? zones.toReversed() : zones).wanted).toEqual(dnsWishOf(subject, zones).wanted)
      }),
    )
  })
})

describe('a mark', () => {
  it('names the uid and is read back', () => {
    fc.assert(fc.property(fc.uuid(), (uid) => expect(ownerIn(dnsMarkOf(uid))).toBe(uid)))
    expect(ownerIn('v=spf1 -all')).toBeUndefined()
    expect(dnsMarkOf('5f0c8a9e-6f43-4b8a-9a64-6e9f2a2f3b11').length).toBeLessThanOrEqual(100)
  })

  it('has a name of its own for each type', () => {
    expect(markName({ name: 'a.example.com', type: 'AAAA' })).toBe('_pve-aaaa.a.example.com')
    expect(markFits({ name: 'a'.repeat(243), type: 'AAAA' })).toBe(true)
    expect(markFits({ name: 'a'.repeat(244), type: 'AAAA' })).toBe(false)
  })
})

describe('the difference', () => {
  const want: RecordSet = { name: 'web1.example.com', type: 'A', values: ['192.0.2.10'], ttlSeconds: 300 }
  const found = (values: string[], owner?: string, ttlSeconds = values.length > 0 ? 300 : 0): Found => ({
    name: want.name,
    type: want.type,
    values,
    ttlSeconds,
    ...(owner === undefined ? {} : { owner }),
  })
  const rules = (more: Partial<Rules> = {}): Rules => ({ uid: 'me', ownership: 'TXT', adopt: false, ...more })

  it.each<[string, Found, Partial<Rules>, string]>([
    ['nothing there', found([]), {}, 'change'],
    ['ours and right', found(['192.0.2.10'], 'me'), {}, 'same'],
    ['ours with another value', found(['192.0.2.11'], 'me'), {}, 'change'],
    ['ours with another value beside', found(['192.0.2.10', '192.0.2.11'], 'me'), {}, 'change'],
    ['ours with another ttl', found(['192.0.2.10'], 'me', 60), {}, 'change'],
    ['ours, deleted by hand, the mark left', found([], 'me'), {}, 'change'],
    ['anothers', found(['192.0.2.11'], 'you'), {}, 'conflict'],
    ['anothers with our value', found(['192.0.2.10'], 'you'), {}, 'conflict'],
    ['anothers mark alone', found([], 'you'), {}, 'conflict'],
    ['anothers, and adopt', found(['192.0.2.11'], 'you'), { adopt: true }, 'conflict'],
    ['of the object it was taken over from', found(['192.0.2.11'], 'you'), { former: 'you' }, 'change'],
    ['of that object and right: the mark is to be ours', found(['192.0.2.10'], 'you'), { former: 'you' }, 'change'],
    ['anothers, after a takeover', found(['192.0.2.10'], 'they'), { former: 'you' }, 'conflict'],
    ['unmarked, after a takeover', found(['192.0.2.11']), { former: 'you' }, 'conflict'],
    ['unmarked', found(['192.0.2.11']), {}, 'conflict'],
    ['unmarked, and adopt', found(['192.0.2.11']), { adopt: true }, 'change'],
    ['unmarked and right, and adopt: the mark is missing', found(['192.0.2.10']), { adopt: true }, 'change'],
    ['unmarked and right', found(['192.0.2.10']), {}, 'same'],
    ['without ownership, anothers value', found(['192.0.2.11']), { ownership: 'None' }, 'change'],
    ['without ownership, right', found(['192.0.2.10']), { ownership: 'None' }, 'same'],
  ])('to what is wanted: %s', (_, seen, more, verdict) => {
    expect(differenceTo(want, seen, rules(more)).is).toBe(verdict)
  })

  it('of a right record without our mark is nothing, and it does not become ours', () => {
    expect(differenceTo(want, found(['192.0.2.10']), rules())).toEqual({ is: 'same', ours: false })
  })

  it.each<[string, Found, Partial<Rules>, string]>([
    ['ours', found(['192.0.2.10'], 'me'), {}, 'change'],
    ['ours, changed by hand', found(['192.0.2.99'], 'me'), {}, 'change'],
    ['only our mark', found([], 'me'), {}, 'change'],
    ['gone', found([]), {}, 'same'],
    ['unmarked', found(['192.0.2.10']), {}, 'same'],
    ['unmarked, and adopt', found(['192.0.2.10']), { adopt: true }, 'same'],
    ['anothers', found(['192.0.2.10'], 'you'), { adopt: true }, 'same'],
    ['of the object it was taken over from', found(['192.0.2.10'], 'you'), { former: 'you' }, 'change'],
    ['anothers, after a takeover', found(['192.0.2.10'], 'they'), { former: 'you' }, 'same'],
    ['without ownership, as noted', found(['192.0.2.10']), { ownership: 'None' }, 'change'],
    ['without ownership, written anew by somebody', found(['192.0.2.99']), { ownership: 'None' }, 'same'],
    ['without ownership, gone', found([]), { ownership: 'None' }, 'same'],
  ])('to nothing: %s', (_, seen, more, verdict) => {
    expect(differenceToNone(want, seen, rules(more)).is).toBe(verdict)
  })

  it('is gone once it is made', () => {
    const state = fc.record({
      values: fc.subarray(['192.0.2.10', '192.0.2.11', '192.0.2.12']),
      owner: fc.constantFrom(undefined, 'me', 'you'),
    })
    const how = fc.record({ adopt: fc.boolean(), ownership: fc.constantFrom('TXT', 'Comment', 'None') })
    fc.assert(
      fc.property(state, how, ({ values, owner }, more) => {
        const difference = differenceTo(want, found(values, owner), rules(more as Partial<Rules>))
        if (difference.is !== 'change') return
        expect(differenceTo(want, found(['192.0.2.10'], 'me'), rules(more as Partial<Rules>))).toEqual({ is: 'same', ours: true })
      }),
    )
  })
})
