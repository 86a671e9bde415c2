import { type Address, parseAddress } from '../../../ipam/address.ts'
import { markName, dnsMarkOf, type RecordType } from '../../marks.ts'
import { fromServer, type Name } from '../../names.ts'
import type { DnsChange } from '../provider.ts'
import { canonicalAddress } from '../../reverse.ts'
import { classCodes, opcodes, type TypeName, typeCodes } from './codes.ts'
import { encodeName, type Message, question, type ResourceRecord, readName } from './wire.ts'

/** An UPDATE of one zone (RFC 2136 2): everything or nothing, and nothing unless all prerequisites hold. */
export interface Update {
  readonly prerequisites: readonly ResourceRecord[]
  readonly updates: readonly ResourceRecord[]
}

const empty = Buffer.alloc(0)
const bare = (name: Name, type: number, klass: number): ResourceRecord => ({ name, type, class: klass, ttlSeconds: 0, data: empty })

/** RFC 2136 2.4.1: a record set of this name and type is there, whatever its value. */
export const isThere = (name: Name, type: number): ResourceRecord => bare(name, type, classCodes.ANY)
/** RFC 2136 2.4.3: there is none. */
export const isAbsent = (name: Name, type: number): ResourceRecord => bare(name, type, classCodes.NONE)
/** RFC 2136 2.4.2: the record set has exactly these values. */
const isExactly = (name: Name, type: number, data: readonly Buffer[]): ResourceRecord[] =>
  data.map((each) => ({ name, type, class: classCodes.IN, ttlSeconds: 0, data: each }))
/** RFC 2136 2.5.2: takes the whole record set away; nothing happens if there is none. */
const remove = (name: Name, type: number): ResourceRecord => bare(name, type, classCodes.ANY)
const add = (name: Name, type: number, ttlSeconds: number, data: readonly Buffer[]): ResourceRecord[] =>
  data.map((each) => ({ name, type, class: classCodes.IN, ttlSeconds, data: each }))

function addressBytes(address: Address): Buffer {
  const digits = address.family === 'IPv4' ? 8 : 32
  return Buffer.from(address.value.toString(16).padStart(digits, '0'), 'hex')
}

function textData(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

/** A value of each type that a probe may name; none of them is ever written. */
const harmlessData: Record<string, Buffer> = { A: Buffer.from([192, 0, 2, 0]), PTR: encodeName('probe.invalid'), TXT: textData('probe') }

/**
 * An update that cannot happen, since its prerequisite does not hold, and asks all the same whether the type may be written: BIND judges rights
 * first (since 9.18.11). Removals would not do: the removal of a PTR nobody has is open to everybody there. No underscore in the name, or its
 * check-names refuses an address there.
 */
export function harmless(zone: Name, type: TypeName): Update {
  const name = `pve-operator-probe.${zone}`
  const data = harmlessData[type] ?? Buffer.alloc(16)
  return { prerequisites: [isThere(name, typeCodes.TXT)], updates: add(name, typeCodes[type], 0, [data]) }
}

/** A value of a record set in wire form. */
export function encodeValue(type: RecordType, value: string): Buffer {
  if (type === 'PTR') return encodeName(value)
  const address = parseAddress(value)
  if (address === undefined) throw new Error(`"${value}" is not a valid IP address`)
  return addressBytes(address)
}

/** A value in wire form as text, in the one spelling. */
export function decodeValue(type: RecordType, data: Buffer): string {
  if (type === 'PTR') return fromServer(readName(data))
  if (type === 'A') return data.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => data.readUInt16BE(at * 2).toString(16))
  return canonicalAddress(groups.join(':')) ?? groups.join(':')
}

/**
 * The change as one message. What the look saw is said again as prerequisites, so the server itself refuses when somebody was faster:
 * better than reading before writing.
 */
export function updateFor(change: DnsChange, marked: boolean): Update {
  const { seen, want, uid } = change
  const type = typeCodes[seen.type]
  const mark = markName(seen)
  const markData = [textData(dnsMarkOf(uid))]
  // Ours, or that of the object whose guest was taken over.
  const seenMark = marked && seen.owner !== undefined ? isExactly(mark, typeCodes.TXT, [textData(dnsMarkOf(seen.owner))]) : undefined
  const nowData = seen.values.map((value) => encodeValue(seen.type, value))
  if (want === undefined) {
    const updates = [remove(seen.name, type), ...(marked ? [remove(mark, typeCodes.TXT)] : [])]
    return { prerequisites: seenMark ?? isExactly(seen.name, type, nowData), updates }
  }
  const prerequisites: ResourceRecord[] = []
  // RFC 2136 3.4.2.2: a record beside a CNAME is left out silently, and the answer is NOERROR all the same.
  if (seen.values.length === 0) prerequisites.push(isAbsent(seen.name, typeCodes.CNAME))
  if (seenMark) prerequisites.push(...seenMark)
  else if (marked) {
    prerequisites.push(isAbsent(mark, typeCodes.TXT))
    prerequisites.push(...(nowData.length === 0 ? [isAbsent(seen.name, type)] : isExactly(seen.name, type, nowData)))
  }
  const data = want.values.map((value) => encodeValue(want.type, value))
  const updates = [remove(want.name, type), ...add(want.name, type, want.ttlSeconds, data)]
  if (marked) updates.push(remove(mark, typeCodes.TXT), ...add(mark, typeCodes.TXT, want.ttlSeconds, markData))
  return { prerequisites, updates }
}

export const updateMessage = (id: number, zone: Name, update: Update): Message => ({
  id,
  flags: opcodes.update << 11,
  questions: [question(zone, typeCodes.SOA)],
  answers: update.prerequisites,
  authorities: update.updates,
  additionals: [],
})

export const queryMessage = (id: number, name: Name, type: number): Message => ({
  id,
  flags: opcodes.query << 11,
  questions: [question(name, type)],
  answers: [],
  authorities: [],
  additionals: [],
})
