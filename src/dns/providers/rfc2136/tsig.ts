import { createHmac, timingSafeEqual } from 'node:crypto'
import { DnsFault } from '../provider.ts'
import { classCodes, rcodeName, rcodes, typeCodes } from './codes.ts'
import { decodeMessage, encodeName, encodeRecord, type Received, readName, rcodeOf, uint16, WireError } from './wire.ts'

/** Algorithms by their names on the wire (RFC 8945 6); MD5 and SHA-1 are left out on purpose. */
export const tsigAlgorithms = { 'hmac-sha256': 'sha256', 'hmac-sha384': 'sha384', 'hmac-sha512': 'sha512' } as const
export type TsigAlgorithm = keyof typeof tsigAlgorithms

export interface TsigKey {
  /** As the server's configuration has it; compared in lower case. */
  readonly name: string
  readonly algorithm: TsigAlgorithm
  readonly secret: Buffer
}

/** RFC 8945 10: how far the two clocks may be apart. */
const fudgeSeconds = 300

interface Signature {
  readonly algorithm: string
  readonly signedAtSeconds: number
  readonly fudgeSeconds: number
  readonly mac: Buffer
  readonly originalId: number
  readonly error: number
  readonly other: Buffer
}

const uint48 = (value: number): Buffer => {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return bytes
}

/** RFC 8945 4.3.3: what of the signature itself is signed. */
function variables(key: TsigKey, s: Pick<Signature, 'signedAtSeconds' | 'fudgeSeconds' | 'error' | 'other'>): Buffer {
  const head = [encodeName(key.name), uint16(classCodes.ANY), Buffer.alloc(4), encodeName(key.algorithm)]
  return Buffer.concat([...head, uint48(s.signedAtSeconds), uint16(s.fudgeSeconds), uint16(s.error), uint16(s.other.length), s.other])
}

const macOf = (key: TsigKey, ...parts: Buffer[]): Buffer =>
  createHmac(tsigAlgorithms[key.algorithm], key.secret).update(Buffer.concat(parts)).digest()

export interface Signed {
  readonly bytes: Buffer
  /** The reply is signed together with it. */
  readonly mac: Buffer
}

/** Signs a request. The record count is raised only after signing: the signature covers the message without itself. */
export function sign(message: Buffer, key: TsigKey, nowSeconds: number): Signed {
  const stamp = { signedAtSeconds: nowSeconds, fudgeSeconds, error: 0, other: Buffer.alloc(0) }
  const mac = macOf(key, message, variables(key, stamp))
  const data = Buffer.concat([
    encodeName(key.algorithm),
    uint48(nowSeconds),
    uint16(fudgeSeconds),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ])
  const record = encodeRecord({ name: key.name, type: typeCodes.TSIG, class: classCodes.ANY, ttlSeconds: 0, data })
  const bytes = Buffer.concat([message, record])
  bytes.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
  return { bytes, mac }
}

function readSignature(data: Buffer): Signature {
  const algorithm = readName(data)
  let at = encodeName(algorithm).length
  const next = (length: number): Buffer => {
    if (at + length > data.length) throw new WireError('the signature is incomplete')
    at += length
    return data.subarray(at - length, at)
  }
  const signedAtSeconds = next(6).readUIntBE(0, 6)
  const fudge = next(2).readUInt16BE()
  const mac = next(next(2).readUInt16BE())
  const originalId = next(2).readUInt16BE()
  const error = next(2).readUInt16BE()
  const other = next(next(2).readUInt16BE())
  return { algorithm, signedAtSeconds, fudgeSeconds: fudge, mac, originalId, error, other }
}

/**
 * Reads a reply and makes sure that it is the server's own word: signed with our key over our request. Throws DnsFault when the server does
 * not accept our signature, and when the reply has none: then nothing in it may be believed, not even a success.
 */
export function readReply(bytes: Buffer, key: TsigKey, requestMac: Buffer, nowSeconds: number): Received {
  const message = decodeMessage(bytes)
  const last = message.additionals.at(-1)
  if (last?.type !== typeCodes.TSIG) throw unsigned(rcodeOf(message))
  const signature = readSignature(last.data)
  if (signature.error === rcodes.BADKEY || signature.error === rcodes.BADSIG) throw rejected(signature.error, key)
  const stripped = Buffer.from(bytes.subarray(0, message.lastRecordAt))
  stripped.writeUInt16BE(signature.originalId, 0)
  stripped.writeUInt16BE(message.additionals.length - 1, 10)
  const expected = macOf(key, uint16(requestMac.length), requestMac, stripped, variables(key, signature))
  const isOurs = last.name === key.name && last.class === classCodes.ANY && last.ttlSeconds === 0 && signature.algorithm === key.algorithm
  if (!isOurs || signature.mac.length !== expected.length || !timingSafeEqual(signature.mac, expected))
    throw new DnsFault('wrong-key', `the reply is not signed with key ${key.name}; somebody else may answer in place of the server`)
  if (signature.error === rcodes.BADTIME) throw skewed(signature.other, nowSeconds)
  if (Math.abs(nowSeconds - signature.signedAtSeconds) > signature.fudgeSeconds) throw skewed(uint48(signature.signedAtSeconds), nowSeconds)
  return message
}

function unsigned(rcode: number): DnsFault {
  const word = rcodeName(rcode)
  if (rcode === rcodes.SERVFAIL) return new DnsFault('server', `the server failed (${word})`)
  if (rcode === rcodes.NOTIMP || rcode === rcodes.FORMERR)
    return new DnsFault('invalid', `the server does not accept this request (${word}); does it speak DNS UPDATE?`)
  // PowerDNS answers all of these alike and tells them apart only in its log.
  return new DnsFault('refused', `the server refused without a signature (${word}): the key, the clock or its policy; its log says which`)
}

function rejected(error: number, key: TsigKey): DnsFault {
  const what =
    error === rcodes.BADKEY ? `does not know the key ${key.name} with ${key.algorithm}` : `has another secret for the key ${key.name}`
  return new DnsFault('wrong-key', `the server ${what} (${rcodeName(error)})`)
}

function skewed(serverTime: Buffer, nowSeconds: number): DnsFault {
  const apart = serverTime.length === 6 ? serverTime.readUIntBE(0, 6) - nowSeconds : undefined
  const told =
    apart === undefined ? '' : `: the server's clock is ${Math.abs(apart)} s ${apart > 0 ? 'ahead of' : 'behind'} that of the operator`
  return new DnsFault('clock-skew', `the signature's time is refused (BADTIME)${told}; ${fudgeSeconds} s are allowed`)
}
