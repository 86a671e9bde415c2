import type { Name } from '../../names.ts'
import { longestLabel } from '../../names.ts'
import { classCodes, typeCodes } from './codes.ts'

export interface DnsQuestion {
  readonly name: Name
  readonly type: number
  readonly class: number
}

/** A resource record. `data` is in wire form; names in it are never compressed, also when they came compressed. */
export interface ResourceRecord {
  readonly name: Name
  readonly type: number
  readonly class: number
  readonly ttlSeconds: number
  readonly data: Buffer
}

/**
 * A DNS message (RFC 1035 4.1). An UPDATE (RFC 2136 2.1) is one too: its zone is the question, its prerequisites are the answers and its
 * updates the authorities.
 */
export interface Message {
  readonly id: number
  /** The 16 bits of the header: QR, opcode, AA, TC, RD, RA, rcode. */
  readonly flags: number
  readonly questions: readonly DnsQuestion[]
  readonly answers: readonly ResourceRecord[]
  readonly authorities: readonly ResourceRecord[]
  readonly additionals: readonly ResourceRecord[]
}

/** A message as it came, with the place of its last record: the signature is cut off there before it is checked. */
export interface Received extends Message {
  readonly lastRecordAt: number
}

/** The bytes are no DNS message. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

export const rcodeOf = (message: Message): number => message.flags & 0xf
export const isAuthoritative = (message: Message): boolean => (message.flags & 0x0400) !== 0
export const isTruncated = (message: Message): boolean => (message.flags & 0x0200) !== 0

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A name in wire form, uncompressed, lower case (RFC 8945 4.3.3 signs names that way). */
export function encodeName(name: Name): Buffer {
  const labels = name === '' ? [] : name.split('.')
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label.toLowerCase(), 'latin1')
    if (bytes.length === 0 || bytes.length > longestLabel) throw new WireError(`"${name}" cannot be written as a DNS name`)
    return Buffer.concat([Buffer.of(bytes.length), bytes])
  })
  return Buffer.concat([...parts, Buffer.of(0)])
}

const encodeQuestion = (q: DnsQuestion): Buffer => Buffer.concat([encodeName(q.name), uint16(q.type), uint16(q.class)])

export const encodeRecord = (r: ResourceRecord): Buffer =>
  Buffer.concat([encodeName(r.name), uint16(r.type), uint16(r.class), uint32(r.ttlSeconds), uint16(r.data.length), r.data])

export function encodeMessage(message: Message): Buffer {
  const { id, flags, questions, answers, authorities, additionals } = message
  const header = [id, flags, questions.length, answers.length, authorities.length, additionals.length].map(uint16)
  return Buffer.concat([...header, ...questions.map(encodeQuestion), ...[...answers, ...authorities, ...additionals].map(encodeRecord)])
}

/** Reads bytes one after the other; runs off the end as a WireError, never as a made-up value. */
class Reader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(count: number): Buffer {
    if (this.at + count > this.#bytes.length) throw new WireError('the message is incomplete')
    this.at += count
    return this.#bytes.subarray(this.at - count, this.at)
  }

  uint8 = (): number => this.take(1).readUInt8()
  uint16 = (): number => this.take(2).readUInt16BE()
  uint32 = (): number => this.take(4).readUInt32BE()

  /** Follows compression (RFC 1035 4.1.4). A pointer may only lead backwards, so a crafted message cannot lead in a circle. */
  name(): Name {
    const labels: string[] = []
    let end: number | undefined
    for (let limit = this.at; ; ) {
      const length = this.uint8()
      if (length === 0) break
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.uint8()
        end ??= this.at
        if (target >= limit) throw new WireError('a name points forward')
        limit = target
        this.at = target
      } else if (length > longestLabel) {
        throw new WireError('a label of an unknown kind')
      } else {
        labels.push(printable(this.take(length)))
      }
      if (labels.length > 127) throw new WireError('a name has too many labels')
    }
    this.at = end ?? this.at
    return labels.join('.')
  }
}

/** A label as text, escaped as in zone files: a dot inside a label must not look like the end of one. */
function printable(label: Buffer): string {
  return [...label]
    .map((byte) => {
      if (byte === 0x2e || byte === 0x5c) return `\\${String.fromCharCode(byte)}`
      return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`
    })
    .join('')
    .toLowerCase()
}

export function decodeMessage(bytes: Buffer): Received {
  const from = new Reader(bytes)
  const [id, flags] = [from.uint16(), from.uint16()]
  const [questionCount, answerCount, authorityCount, additionalCount] = [from.uint16(), from.uint16(), from.uint16(), from.uint16()]
  let lastRecordAt = bytes.length
  const record = (): ResourceRecord => {
    lastRecordAt = from.at
    return decodeRecord(from)
  }
  const question = (): DnsQuestion => ({ name: from.name(), type: from.uint16(), class: from.uint16() })
  const questions = Array.from({ length: questionCount }, question)
  const answers = Array.from({ length: answerCount }, record)
  const authorities = Array.from({ length: authorityCount }, record)
  const additionals = Array.from({ length: additionalCount }, record)
  return { id, flags, questions, answers, authorities, additionals, lastRecordAt }
}

function decodeRecord(from: Reader): ResourceRecord {
  const [name, type, klass, ttlSeconds, length] = [from.name(), from.uint16(), from.uint16(), from.uint32(), from.uint16()]
  const end = from.at + length
  // Only these may have compressed names in their data (RFC 3597 4) of those we read.
  const hasName = type === typeCodes.PTR || type === typeCodes.CNAME || type === typeCodes.SOA
  if (!hasName || length === 0) return { name, type, class: klass, ttlSeconds, data: Buffer.from(from.take(length)) }
  const names = type === typeCodes.SOA ? [encodeName(from.name()), encodeName(from.name())] : [encodeName(from.name())]
  if (from.at > end) throw new WireError('a record is longer than it says')
  return { name, type, class: klass, ttlSeconds, data: Buffer.concat([...names, from.take(end - from.at)]) }
}

export const readName = (data: Buffer): Name => new Reader(data).name()

/** The strings of a TXT record, joined: a long text is cut into strings of 255 and means the whole. */
export function readText(data: Buffer): string {
  const from = new Reader(data)
  const parts: Buffer[] = []
  while (from.at < data.length) parts.push(from.take(from.uint8()))
  return Buffer.concat(parts).toString('utf8')
}

/** The serial of a SOA record (RFC 1035 3.3.13): behind the two names. */
export function readSerial(data: Buffer): number {
  const from = new Reader(data)
  from.name()
  from.name()
  return from.uint32()
}

export const question = (name: Name, type: number): DnsQuestion => ({ name, type, class: classCodes.IN })
