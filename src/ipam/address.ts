/** IP addresses as numbers: text in, text out, and the name of the object that stands for one (pure). */

export type Family = 'IPv4' | 'IPv6'

export interface Address {
  readonly family: Family
  readonly value: bigint
}

/** Bits of an address of the family. */
export const bitsOf = (family: Family): number => (family === 'IPv4' ? 32 : 128)

/**
 * Reads an address; `undefined` when the text is none.
 * No zone (`fe80::1%eth0`), no brackets, no leading zeros in IPv4 (some readers take them for octal): what the API server's `isIP` takes.
 */
export function parseAddress(text: string): Address | undefined {
  const family: Family = text.includes(':') ? 'IPv6' : 'IPv4'
  const value = family === 'IPv6' ? parseIPv6(text) : parseIPv4(text)
  return value === undefined ? undefined : { family, value }
}

/** Canonical text: dotted decimal, or RFC 5952 (lower case, longest run of zero groups shortened, the first of equals). */
export function formatAddress(address: Address): string {
  return address.family === 'IPv4' ? formatIPv4(address.value) : formatIPv6(address.value)
}

/** The one spelling of an address, so that two texts of one address compare equal; a text that is none stays as it is. */
export function canonical(text: string): string {
  const address = parseAddress(text)
  return address ? formatAddress(address) : text
}

/**
 * Name of the PoolAddress of an address: `203.0.113.10`, `2001-0db8-0000-0000-0000-0000-0000-0001`, in another scope `203.0.113.10.lab`.
 * Object names hold no colon, and full groups give each address exactly one name: the API server's "already exists" is what keeps an address single.
 */
export function addressObjectName(address: Address, scope?: string): string {
  const base =
    address.family === 'IPv4'
      ? formatIPv4(address.value)
      : groupsOf(address.value)
          .map((group) => group.toString(16).padStart(4, '0'))
          .join('-')
  return scope === undefined ? base : `${base}.${scope}`
}

function parseIPv4(text: string): bigint | undefined {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return undefined
  let value = 0
  for (const part of text.split('.')) {
    const octet = Number(part)
    if (octet > 255 || (part.length > 1 && part.startsWith('0'))) return undefined
    value = value * 256 + octet
  }
  return BigInt(value)
}

function parseIPv6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  return [...head, ...Array<number>(missing).fill(0), ...tail].reduce((value, group) => (value << 16n) | BigInt(group), 0n)
}

/** Groups of one side of `::`; only the last one may end in dotted decimal (RFC 4291 2.2). */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [at, part] of parts.entries()) {
    if (mayEndDotted && at === parts.length - 1 && part.includes('.')) {
      const dotted = parseIPv4(part)
      if (dotted === undefined) return undefined
      groups.push(Number(dotted >> 16n), Number(dotted & 0xffffn))
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return groups
}

function formatIPv4(value: bigint): string {
  const bits = Number(value)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.')
}

function groupsOf(value: bigint): number[] {
  return Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(112 - at * 16)) & 0xffffn))
}

function formatIPv6(value: bigint): string {
  const groups = groupsOf(value)
  const run = longestZeroRun(groups)
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  // RFC 5952 4.2.2: `::` must not stand for a single group.
  if (run.length < 2) return hex(groups)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1
    else if (at - start + 1 > best.length) best = { start, length: at - start + 1 }
  }
  return best
}
