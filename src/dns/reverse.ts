import { type Address, bitsOf, formatAddress, parseAddress } from '../ipam/address.ts'
import type { Name } from './names.ts'

/** The one spelling of an address (RFC 5952 for IPv6); undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text)
  return address === undefined ? undefined : formatAddress(address)
}

/** The address cut into parts of `bits` each, the last one first. */
function partsBackwards(address: Address, bits: 4 | 8): number[] {
  const mask = (1n << BigInt(bits)) - 1n
  return Array.from({ length: bitsOf(address.family) / bits }, (_, at) => Number((address.value >> BigInt(at * bits)) & mask))
}

/** RFC 1035 3.5 (octets backwards below in-addr.arpa) and RFC 3596 2.5 (32 nibbles backwards below ip6.arpa). */
export function reverseName(address: Address): Name {
  if (address.family === 'IPv4') return `${partsBackwards(address, 8).join('.')}.in-addr.arpa`
  const nibbles = partsBackwards(address, 4).map((nibble) => nibble.toString(16))
  return `${nibbles.join('.')}.ip6.arpa`
}

/** An IPv4 block, as a classless zone names it. */
export interface Block {
  readonly first: bigint
  readonly prefixLength: number
}

/** `198.51.100.64/26`; undefined when it is no IPv4 block. Host bits are cut off. */
export function parseBlock(text: string): Block | undefined {
  const [base = '', length = '', ...rest] = text.split('/')
  const address = parseAddress(base)
  if (address?.family !== 'IPv4' || rest.length > 0 || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined
  const hostBits = BigInt(32 - Number(length))
  return { first: (address.value >> hostBits) << hostBits, prefixLength: Number(length) }
}

export function blockHolds(block: Block, address: Address): boolean {
  if (address.family !== 'IPv4') return false
  return address.value >= block.first && address.value < block.first + (1n << BigInt(32 - block.prefixLength))
}

/** RFC 2317: below the classless zone a record is called by the last octet alone; the parent zone holds the CNAMEs that lead there. */
export const classlessName = (address: Address, zone: Name): Name => `${address.value & 0xffn}.${zone}`
