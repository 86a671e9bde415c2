import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  carriesMark,
  markOf,
  type ObjectLine,
  parseMark,
  printObjectLine,
  refreshedDescription,
  unionOfDone,
  withMark,
} from '../../src/ladder/mark.ts'

const uid = '6d0c1c1e-0000-4000-8000-000000000001'
const mark = markOf(uid, 10000)
const object: ObjectLine = { installation: 'aaaa', cluster: 'fra1', namespace: 'customer-7', name: 'shop', done: ['r1'] }

describe('the mark of a VM', () => {
  it('names owner, object, installation and the requests that were carried out', () => {
    expect(printObjectLine(object)).toBe('pve.hosting/object installation=aaaa cluster=fra1 customer-7/shop done=r1')
    expect(parseMark(`${mark}\n${printObjectLine(object)}\nfor people`)).toEqual({ uid, vmid: 10000, object })
  })

  it('is ours without its second line, and with one that says nothing', () => {
    expect(parseMark(mark)).toEqual({ uid, vmid: 10000 })
    expect(parseMark(`${mark}\npve.hosting/object done=%E0%A4`)).toEqual({ uid, vmid: 10000 })
  })

  it('is read with the line ends of a browser, with more words in it, and not out of the middle of a line', () => {
    expect(parseMark(`note\r\n${mark}\r\n${printObjectLine(object)} later=1\r\n`)).toEqual({ uid, vmid: 10000, object })
    expect(parseMark(`was ${mark}`)).toBeUndefined()
    expect(parseMark(undefined)).toBeUndefined()
  })

  it('gives back every request ID as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }), { maxLength: 20 }), (done) => {
        const line = printObjectLine({ ...object, done })
        expect(line).not.toContain('\n')
        const read = parseMark(`${mark}\n${line}`)?.object?.done ?? []
        expect(read).toEqual(done.slice(done.length - read.length))
      }),
    )
  })

  it('keeps the newest requests where the description has no room for all', () => {
    const done = Array.from({ length: 20 }, (_, at) => `${at}`.padStart(3, '0') + '€'.repeat(125))
    const read = parseMark(`${mark}\n${printObjectLine({ ...object, done })}`)?.object?.done ?? []
    expect(read).toEqual(done.slice(-read.length))
    expect(read.length).toBeGreaterThan(0)
  })

  it('counts a request once, the newest last', () => {
    expect(unionOfDone(['a', 'b'], ['a', 'c'])).toEqual(['b', 'a', 'c'])
  })
})

describe('a description', () => {
  const line = printObjectLine(object)

  it('is due when its second line is missing or another one, and keeps what people wrote', () => {
    expect(refreshedDescription(`${mark}\nCall Anna first.`, mark, object)).toBe(`${mark}\n${line}\nCall Anna first.`)
    expect(refreshedDescription(`${mark}\n${line.replace('shop', 'store')}\nCall Anna first.`, mark, object)).toBe(
      `${mark}\n${line}\nCall Anna first.`,
    )
  })

  it('is not due when it says so, however PVE gives it back', () => {
    expect(refreshedDescription(`${mark} \r\n${line}\r\nnote\n`, mark, object)).toBeUndefined()
  })

  it('is never touched without our mark', () => expect(refreshedDescription('mine', mark, object)).toBeUndefined())

  it('keeps requests that only it knows', () => {
    const known = `${mark}\n${printObjectLine({ ...object, done: ['r0', 'r1'] })}`
    expect(refreshedDescription(known, mark, object)).toBeUndefined()
    expect(parseMark(refreshedDescription(known, mark, { ...object, done: ['r2'] }))?.object?.done).toEqual(['r0', 'r1', 'r2'])
  })

  it('passes to another owner with both lines', () => {
    const next = withMark(`${mark}\n${line}\nCall Anna first.`, markOf('new', 10000), line)
    expect(next).toBe(`${markOf('new', 10000)}\n${line}\nCall Anna first.`)
    expect(carriesMark(next, mark)).toBe(false)
  })
})
