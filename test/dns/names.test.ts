import { domainToASCII } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fromServer, hostName, isWithin } from '../../src/dns/names.ts'

const labelCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789-'.split('')
const label = fc
  .array(fc.constantFrom(...labelCharacters), { minLength: 1, maxLength: 63 })
  .map((all) => all.join(''))
  .filter((text) => !text.startsWith('-') && !text.endsWith('-') && !text.startsWith('xn--'))
const legalName = fc
  .array(label, { minLength: 1, maxLength: 8 })
  .map((labels) => labels.join('.'))
  .filter((name) => name.length <= 253 && !/(^|\.)\d+$/.test(name))

describe('a host name', () => {
  it('is accepted in every form RFC 1123 allows, and comes out unchanged', () => {
    fc.assert(fc.property(legalName, (name) => expect(hostName(name)).toEqual({ is: 'name', name })))
  })

  it('has one form, whatever its case and with or without the final dot', () => {
    fc.assert(
      fc.property(legalName, fc.boolean(), fc.boolean(), (name, loud, dotted) => {
        expect(hostName((loud ? name.toUpperCase() : name) + (dotted ? '.' : ''))).toEqual({ is: 'name', name })
      }),
    )
  })

  it('stays as it is when it is read a second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const once = hostName(text)
        expect(once.is === 'name' ? hostName(once.name) : once).toEqual(once)
      }),
    )
  })

  it('never contains anything a zone file or a PVE option string would read as its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const named = hostName(text)
        expect(named.is === 'name' ? named.name : 'refused').toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/)
      }),
    )
  })

  it.each([
    ['bücher.example', domainToASCII('bücher.example')],
    ['BÜCHER.example.', 'xn--bcher-kva.example'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('in another script becomes A-labels: %s', (typed, ascii) => {
    expect(hostName(typed)).toEqual({ is: 'name', name: ascii })
  })

  it.each([
    ['', /empty/],
    ['.', /empty/],
    ['*.example.com', /wildcard/],
    ['web_1.example.com', /underscore/],
    ['web 1.example.com', /not a valid host name/],
    ['a/b.example.com', /not a valid host name/],
    ['a%62.example.com', /not a valid host name/],
    ['-web.example.com', /hyphen/],
    ['web-.example.com', /hyphen/],
    ['web..example.com', /label ""/],
    ['.example.com', /label ""/],
    ['192.0.2.1', /reads as an address/],
    ['１９２.0.2.1', /reads as an address/],
    [`${'a'.repeat(64)}.example.com`, /the limit for a label is 63/],
    [`${`${'a'.repeat(60)}.`.repeat(5)}com`, /the limit is 253/],
    [`${'ü'.repeat(60)}.example.com`, /ASCII|the limit for a label is 63/],
  ])('is refused with a reason: %s', (typed, why) => {
    expect(hostName(typed)).toEqual({ is: 'refused', why: expect.stringMatching(why) })
  })
})

describe('belonging', () => {
  it('goes by whole labels', () => {
    expect(isWithin('web.example.com', 'example.com')).toBe(true)
    expect(isWithin('example.com', 'example.com')).toBe(true)
    expect(isWithin('badexample.com', 'example.com')).toBe(false)
    expect(isWithin('com', 'example.com')).toBe(false)
  })

  it('is not disturbed by the spelling of a server', () => {
    expect(fromServer('Web1.Example.COM.')).toBe('web1.example.com')
  })
})
