import { isIPv4, isIPv6 } from 'node:net'
import type { Name } from './names.ts'

export type Family = 'IPv4' | 'IPv6'

export interface Address {
  readonly family: Family
  /** 4 or 16 numbers of 0-255, in network order. */
  readonly bytes: readonly number[]
}

/** Reads an address in any spelling; undefined when it is none. A scope (`fe80::1%eth0`) is no address of a record. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 'IPv4', bytes: text.split('.').map(Number) }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const [head = '', tail] = urlForm(text).split('::')
  const left = groups(head)
  const right = groups(tail ?? '')
  const zeros = tail === undefined ? [] : Array<number>(8 - left.length - right.length).fill(0)
  return { family: 'IPv6', bytes: [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 255]) }
}

/** The WHATWG URL serialiser writes what RFC 5952 asks for, and an embedded IPv4 part as hex groups. */
const urlForm = (text: string): string => new URL(`http://[${text}]`).hostname.slice(1, -1)
const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))

/** The one spelling of an address (RFC 5952 for IPv6); undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text)
  if (address === undefined) return undefined
  return address.family === 'IPv4' ? address.bytes.join('.') : urlForm(text)
}

/** RFC 1035 3.5 (octets reversed below in-addr.arpa) and RFC 3596 2.5 (32 nibbles reversed below ip6.arpa). */
export function reverseName(address: Address): Name {
  if (address.family === 'IPv4') return `${address.bytes.toReversed().join('.')}.in-addr.arpa`
  const nibbles = address.bytes.flatMap((byte) => [byte >> 4, byte & 15])
  return `${nibbles
    .toReversed()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`
}

/** An IPv4 block, as a classless zone names it. */
export interface Block {
  readonly first: number
  readonly prefixLength: number
}

const asNumber = (bytes: readonly number[]): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0)

/** `198.51.100.64/26`; undefined when it is no IPv4 block. Host bits are cut off. */
export function parseBlock(text: string): Block | undefined {
  const [base = '', length = ''] = text.split('/')
  if (!isIPv4(base) || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined
  const prefixLength = Number(length)
  const size = 2 ** (32 - prefixLength)
  return { first: Math.floor(asNumber(base.split('.').map(Number)) / size) * size, prefixLength }
}

export function blockHolds(block: Block, address: Address): boolean {
  if (address.family !== 'IPv4') return false
  const value = asNumber(address.bytes)
  return value >= block.first && value < block.first + 2 ** (32 - block.prefixLength)
}

/** RFC 2317: below the classless zone a record is called by the last octet alone; the parent zone holds the CNAMEs that lead there. */
export const classlessName = (address: Address, zone: Name): Name => `${address.bytes.at(-1)}.${zone}`
