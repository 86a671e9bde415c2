import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { isSameJson, plain } from '../../src/kube/json.ts'

const throughText = (value: unknown): unknown => (value === undefined ? value : JSON.parse(JSON.stringify(value)))
/** JSON, with fields that are undefined. */
const loose = fc.object({
  key: fc.constantFrom('a', 'b', 'c'),
  values: [fc.integer(), fc.boolean(), fc.string(), fc.constant(null), fc.constant(undefined)],
})
const withoutHoles = loose.filter(
  (value) =>
    !JSON.stringify(value, (_, each: unknown) => (Array.isArray(each) && each.includes(undefined) ? 'hole' : each)).includes('hole'),
)

describe('values as the API server keeps them', () => {
  it('are what would come back from it', () => {
    fc.assert(fc.property(loose, (value) => expect(plain(value)).toEqual(throughText(value))))
    expect(Object.keys(plain({ a: undefined, b: 1 }))).toEqual(['b'])
  })

  it('are a copy: what is changed in it changes nothing in the original', () => {
    const original = { list: [{ a: 1 }] }
    const copy = plain(original)
    copy.list[0]!.a = 2
    expect(original.list[0]?.a).toBe(1)
  })

  it('are the same when their texts would be, whatever the order of fields', () => {
    const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(throughText(a), throughText(b))
    fc.assert(fc.property(withoutHoles, withoutHoles, (a, b) => expect(isSameJson(a, b)).toBe(same(a, b))))
    fc.assert(fc.property(withoutHoles, (a) => expect(isSameJson(a, throughText(a))).toBe(true)))
    expect(isSameJson({ a: 1, b: undefined }, { b: undefined, a: 1, c: undefined })).toBe(true)
    expect(isSameJson({ a: [1, 2] }, { a: [2, 1] })).toBe(false)
    expect(isSameJson({ a: null }, {})).toBe(false)
    expect(isSameJson([], {})).toBe(false)
    expect(isSameJson(undefined, {})).toBe(false)
  })
})
