import { createHmac } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { DnsFault } from '../../../src/dns/providers/provider.ts'
import { parseServer } from '../../../src/dns/providers/rfc2136/channel.ts'
import { classCodes, typeCodes } from '../../../src/dns/providers/rfc2136/codes.ts'
import { readReply, sign, tsigAlgorithms, type TsigKey } from '../../../src/dns/providers/rfc2136/tsig.ts'
import { decodeValue, encodeValue, updateFor, updateMessage } from '../../../src/dns/providers/rfc2136/update.ts'
import {
  decodeMessage,
  encodeMessage,
  encodeName,
  type Message,
  readName,
  readSerial,
  readText,
  type ResourceRecord,
  WireError,
} from '../../../src/dns/providers/rfc2136/wire.ts'

const label = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-_/'.split('')), minLength: 1, maxLength: 63 })
const name = fc
  .array(label, { minLength: 0, maxLength: 5 })
  .map((labels) => labels.join('.'))
  .filter((text) => text.length <= 253)
const record: fc.Arbitrary<ResourceRecord> = fc.record({
  name,
  type: fc.constantFrom(typeCodes.A, typeCodes.AAAA, typeCodes.TXT, typeCodes.TSIG),
  class: fc.constantFrom(1, 254, 255),
  ttlSeconds: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
})
const message: fc.Arbitrary<Message> = fc.record({
  id: fc.integer({ min: 0, max: 65_535 }),
  flags: fc.integer({ min: 0, max: 65_535 }),
  questions: fc.array(fc.record({ name, type: fc.integer({ min: 0, max: 65_535 }), class: fc.constantFrom(1, 255) }), { maxLength: 2 }),
  answers: fc.array(record, { maxLength: 3 }),
  authorities: fc.array(record, { maxLength: 3 }),
  additionals: fc.array(record, { maxLength: 2 }),
})

describe('a DNS message', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(message, (it) => expect(decodeMessage(encodeMessage(it))).toMatchObject(it)))
  })

  it('cut off anywhere is refused, never read as something shorter', () => {
    fc.assert(
      fc.property(message, fc.nat(), (it, at) => {
        const bytes = encodeMessage(it)
        expect(() => decodeMessage(bytes.subarray(0, at % bytes.length))).toThrow(WireError)
      }),
    )
  })

  it('of random bytes is refused or read, and always ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = (): unknown => {
          try {
            return decodeMessage(Buffer.from(bytes))
          } catch (fault) {
            return fault
          }
        }
        const seen = read()
        expect(seen instanceof WireError || (seen as Message).id !== undefined).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('with compressed names is read like one without (RFC 1035 4.1.4)', () => {
    // PTR of 1.example → www.example, where "example" is a pointer back into the question.
    const question = Buffer.concat([encodeName('1.example'), Buffer.from([0, 12, 0, 1])])
    const header = Buffer.from([0, 7, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0])
    const data = Buffer.concat([Buffer.from([3]), Buffer.from('WWW'), Buffer.from([0xc0, 14])])
    const answer = Buffer.concat([Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 1, 44, 0, data.length]), data])
    const read = decodeMessage(Buffer.concat([header, question, answer]))
    expect(read.answers.map((each) => [each.name, readName(each.data)])).toEqual([['1.example', 'www.example']])
  })

  it('whose names lead in a circle or forward is refused', () => {
    const header = Buffer.from([0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    for (const pointer of [
      [0xc0, 12],
      [0xc0, 20],
      [1, 97, 0xc0, 12],
    ])
      expect(() => decodeMessage(Buffer.concat([header, Buffer.from([...pointer, 0, 1, 0, 1])]))).toThrow(/points forward/)
  })

  it('keeps a dot inside a label apart from the end of one', () => {
    expect(readName(Buffer.from([3, 97, 46, 98, 1, 99, 0]))).toBe('a\\.b.c')
  })

  it('gives the serial of a SOA and the whole of a long text', () => {
    const soa = Buffer.concat([
      encodeName('ns1.example'),
      encodeName('hostmaster.example'),
      Buffer.from([0x78, 0xc4, 0x1a, 2]),
      Buffer.alloc(16),
    ])
    expect(readSerial(soa)).toBe(0x78c41a02)
    const long = 'x'.repeat(300)
    expect(readText(Buffer.concat([Buffer.of(255), Buffer.from(long.slice(0, 255)), Buffer.of(45), Buffer.from(long.slice(255))]))).toBe(
      long,
    )
  })
})

describe('a value', () => {
  it('is read as it was written', () => {
    const four = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 }))).map((bytes) => bytes.join('.'))
    fc.assert(fc.property(four, (value) => expect(decodeValue('A', encodeValue('A', value))).toBe(value)))
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) =>
        expect(encodeValue('AAAA', decodeValue('AAAA', Buffer.from(bytes)))).toEqual(Buffer.from(bytes)),
      ),
    )
    expect(decodeValue('PTR', encodeValue('PTR', 'Web.Example.com'))).toBe('web.example.com')
  })
})

const key: TsigKey = { name: 'pve-operator', algorithm: 'hmac-sha256', secret: Buffer.from('0123456789abcdef') }
const nowSeconds = 1_764_000_000
const query = encodeMessage({
  id: 42,
  flags: 0,
  questions: [{ name: 'example', type: 6, class: 1 }],
  answers: [],
  authorities: [],
  additionals: [],
})

/** What an honest server answers: its message signed over ours (RFC 8945 5.3). */
function replyTo(request: { mac: Buffer }, o: { at?: number; key?: TsigKey; flags?: number } = {}): Buffer {
  const { at = nowSeconds, flags = 0x8400 } = o
  const by = o.key ?? key
  const bare = encodeMessage({ id: 42, flags, questions: [], answers: [], authorities: [], additionals: [] })
  const time = Buffer.alloc(6)
  time.writeUIntBE(at, 0, 6)
  const variables = Buffer.concat([
    encodeName(by.name),
    Buffer.from([0, 255, 0, 0, 0, 0]),
    encodeName(by.algorithm),
    time,
    Buffer.from([1, 44, 0, 0, 0, 0]),
  ])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(request.mac.length)
  const mac = createHmac(tsigAlgorithms[by.algorithm], by.secret)
    .update(Buffer.concat([length, request.mac, bare, variables]))
    .digest()
  const data = Buffer.concat([encodeName(by.algorithm), time, Buffer.from([1, 44, 0, mac.length]), mac, Buffer.from([0, 42, 0, 0, 0, 0])])
  const additionals = [{ name: by.name, type: typeCodes.TSIG, class: classCodes.ANY, ttlSeconds: 0, data }]
  return encodeMessage({ id: 42, flags, questions: [], answers: [], authorities: [], additionals })
}

describe('a signed reply', () => {
  const request = sign(query, key, nowSeconds)

  it('of an honest server is believed', () => {
    expect(readReply(replyTo(request), key, request.mac, nowSeconds).id).toBe(42)
  })

  it('with any single bit changed is refused, or says the same (names have no case, the ID is not signed)', () => {
    const honest = replyTo(request)
    const believed = decodeMessage(honest)
    fc.assert(
      fc.property(fc.nat(honest.length * 8 - 1), (bit) => {
        const bent = Buffer.from(honest)
        const at = Math.floor(bit / 8)
        bent.writeUInt8(bent.readUInt8(at) ^ (1 << (bit % 8)), at)
        const read = (): unknown => {
          try {
            const { id: _id, ...rest } = readReply(bent, key, request.mac, nowSeconds)
            return { ...rest, additionals: [] }
          } catch (fault) {
            return fault instanceof DnsFault || fault instanceof WireError ? 'refused' : fault
          }
        }
        const { id: _id, ...same } = believed
        expect([{ ...same, additionals: [] }, 'refused']).toContainEqual(read())
      }),
      { numRuns: 2000 },
    )
  })

  it('to another request, by another key or of another time is not believed', () => {
    const other = sign(query, key, nowSeconds - 1)
    const faults = [
      () => readReply(replyTo(other), key, request.mac, nowSeconds),
      () => readReply(replyTo(request, { key: { ...key, secret: Buffer.from('another') } }), key, request.mac, nowSeconds),
      () => readReply(replyTo(request, { at: nowSeconds - 400 }), key, request.mac, nowSeconds),
    ]
    expect(faults.map((read) => kindOf(read))).toEqual(['wrong-key', 'wrong-key', 'clock-skew'])
  })

  it('may be 300 s apart from our clock, as RFC 8945 10 recommends, and no second more', () => {
    const signedAt = (apart: number) => kindOf(() => readReply(replyTo(request, { at: nowSeconds + apart }), key, request.mac, nowSeconds))

    expect([-301, -300, 300, 301].map(signedAt)).toEqual(['clock-skew', 'believed', 'believed', 'clock-skew'])
    // In the request: time signed (48 bits), then fudge (16 bits), behind the name of the algorithm.
    expect(request.bytes.includes(Buffer.from([...uint48(nowSeconds), 0x01, 0x2c]))).toBe(true)
  })

  it('without a signature is not believed, success least of all', () => {
    const bare = (flags: number): Buffer => encodeMessage({ id: 42, flags, questions: [], answers: [], authorities: [], additionals: [] })
    expect(
      [0x8400, 0x8405, 0x8409, 0x8402, 0x8404].map((flags) => kindOf(() => readReply(bare(flags), key, request.mac, nowSeconds))),
    ).toEqual(['refused', 'refused', 'refused', 'server', 'invalid'])
  })
})

const uint48 = (value: number): number[] => [40, 32, 24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256)

function kindOf(read: () => unknown): string {
  try {
    read()
    return 'believed'
  } catch (fault) {
    return fault instanceof DnsFault ? fault.kind : String(fault)
  }
}

describe('an update', () => {
  const seen = { name: 'web.example.test', type: 'A' as const, values: [], ttlSeconds: 0 }
  const want = { name: 'web.example.test', type: 'A' as const, values: ['192.0.2.1'], ttlSeconds: 300 }
  const shape = (records: readonly ResourceRecord[]): string[] =>
    records.map((each) => `${each.name} ${each.type}/${each.class} ${each.data.length > 0 ? 'value' : ''}`.trim())

  it('says again what was seen: nothing there, no mark, no CNAME', () => {
    const { prerequisites } = updateFor({ seen, want, uid: 'me' }, true)
    expect(shape(prerequisites)).toEqual(['web.example.test 5/254', '_pve-a.web.example.test 16/254', 'web.example.test 1/254'])
  })

  it('of ours asks for our mark, and for nothing else', () => {
    const { prerequisites, updates } = updateFor({ seen: { ...seen, values: ['192.0.2.9'], ttlSeconds: 60, owner: 'me' }, uid: 'me' }, true)
    expect(shape(prerequisites)).toEqual(['_pve-a.web.example.test 16/1 value'])
    expect(shape(updates)).toEqual(['web.example.test 1/255', '_pve-a.web.example.test 16/255'])
  })

  it('after a takeover asks for the mark of the former object, and writes ours', () => {
    const theirs = { ...seen, values: ['192.0.2.9'], ttlSeconds: 60, owner: 'former' }
    const { prerequisites, updates } = updateFor({ seen: theirs, want, uid: 'me' }, true)
    expect(prerequisites.map(({ name, data }) => [name, data.subarray(1).toString()])).toEqual([
      ['_pve-a.web.example.test', 'pve.hosting/owner uid=former'],
    ])
    expect(updates.at(-1)?.data.subarray(1).toString()).toBe('pve.hosting/owner uid=me')
  })

  it('that adopts asks for exactly the values that were seen', () => {
    const { prerequisites } = updateFor({ seen: { ...seen, values: ['192.0.2.9'], ttlSeconds: 60 }, want, uid: 'me' }, true)
    expect(shape(prerequisites)).toEqual(['_pve-a.web.example.test 16/254', 'web.example.test 1/1 value'])
  })

  it('is a message of opcode 5 about the SOA of its zone', () => {
    const { flags, questions } = updateMessage(7, 'example.test', updateFor({ seen, want, uid: 'me' }, true))
    expect([flags, questions]).toEqual([0x2800, [{ name: 'example.test', type: 6, class: 1 }]])
  })
})

describe('a server', () => {
  it.each([
    ['ns1.example.com', 'ns1.example.com', 53],
    ['ns1.example.com:5353', 'ns1.example.com', 5353],
    ['192.0.2.53:53', '192.0.2.53', 53],
    ['2001:db8::53', '2001:db8::53', 53],
    ['[2001:db8::53]', '2001:db8::53', 53],
    ['[2001:db8::53]:5353', '2001:db8::53', 5353],
  ])('is read from %s', (text, host, port) => {
    expect(parseServer(text)).toEqual({ host, port })
  })

  it.each(['', 'tcp://ns1', 'ns1:0', 'ns1:70000', 'ns1:', '[ns1]:53', 'a b'])('is not read from "%s"', (text) => {
    expect(parseServer(text)).toBeUndefined()
  })
})
