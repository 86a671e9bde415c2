/** What stands in `ranges` and `exclude` of a pool, as numbers (pure). */
import { type Address, bitsOf, type Family, formatAddress, parseAddress } from './address.ts'
import type { Interval } from './intervals.ts'

export interface Range extends Interval {
  readonly family: Family
}

/**
 * Reads `203.0.113.0/24`, `203.0.113.10-203.0.113.20` or `203.0.113.10`. A CIDR means its whole network, host bits set or not.
 * @returns the range, or a sentence that says what is wrong with the text.
 */
export function parseRange(text: string): Range | string {
  if (text.includes('/')) return parseCidr(text)
  const ends = text.split('-')
  const from = parseAddress(ends[0] ?? '')
  const to = ends.length === 1 ? from : parseAddress(ends[1] ?? '')
  if (!from || !to || ends.length > 2) return `"${text}" is neither an address, a CIDR nor a range; write 203.0.113.10-203.0.113.20`
  if (from.family !== to.family) return `"${text}" begins in one family and ends in the other`
  if (to.value < from.value) return `"${text}" ends before it begins`
  return { family: from.family, from: from.value, to: to.value }
}

function parseCidr(text: string): Range | string {
  const [base, length, ...rest] = text.split('/')
  const address = parseAddress(base ?? '')
  if (!address || length === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > bitsOf(address.family)) {
    return `"${text}" is not a valid CIDR; write 203.0.113.0/24`
  }
  return { family: address.family, ...networkOf(address, Number(length)) }
}

/** The network of an address: its first and last address. */
export function networkOf(address: Address, prefixLength: number): Interval {
  const size = sizeOfNetwork(address.family, prefixLength)
  const from = address.value - (address.value % size)
  return { from, to: from + size - 1n }
}

/** How many addresses a network of this prefix length has. */
export const sizeOfNetwork = (family: Family, prefixLength: number): bigint => 1n << BigInt(bitsOf(family) - prefixLength)

/** `203.0.113.10-203.0.113.20`, or the one address when both ends are the same. */
export function formatInterval(family: Family, interval: Interval): string {
  const from = formatAddress({ family, value: interval.from })
  return interval.from === interval.to ? from : `${from}-${formatAddress({ family, value: interval.to })}`
}
