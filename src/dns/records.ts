import { type Address, parseAddress } from '../ipam/address.ts'
import { markFits, type RecordType } from './marks.ts'
import { hostName, longestName, type Name } from './names.ts'
import type { RecordSet } from './providers/provider.ts'
import { canonicalAddress } from './reverse.ts'
import { forwardZones, reverseZones, type ZoneChoice } from './zones.ts'

/** What of a VM its records come from. */
export interface Subject {
  readonly hostname?: string
  /** `ptr`: a name of the user's own for this address, instead of the host name. */
  readonly addresses: readonly { readonly entry: string; readonly address: string; readonly ptr?: string }[]
}

export interface WantedZone extends ZoneChoice {
  readonly ttlSeconds: number
  /** The zone's records are marked by TXT, which makes the longest possible name shorter. */
  readonly marksByTXT: boolean
}

/** One record set and the zone it goes to. */
export interface Wanted {
  readonly zone: string
  readonly set: RecordSet
  /** A PTR that leads to the VM's host name is written only once that name leads back: mail servers ask both ways. */
  readonly afterForward: boolean
}

export interface DnsWish {
  readonly wanted: readonly Wanted[]
  /** Records no zone holds, in words: `PTR of 192.0.2.1`. Not an error. */
  readonly homeless: readonly string[]
  /** What the user must change, in sentences. */
  readonly problems: readonly string[]
}

/** The records a VM should have: A and AAAA for its host name, one PTR for each address. Pure, and the same for the same input. */
export function dnsWishOf(subject: Subject, zones: readonly WantedZone[]): DnsWish {
  const collected = { wanted: new Map<string, Wanted>(), homeless: [] as string[], problems: [] as string[] }
  const typed = subject.hostname === undefined ? undefined : named(`host name`, subject.hostname, collected.problems)
  // A name without a domain is no name in DNS: it has no zone, and a PTR that leads to it leads nowhere.
  const host = typed?.includes('.') === true ? typed : undefined
  if (typed !== undefined && host === undefined) collected.homeless.push(`${typed}, which has no domain`)
  for (const { entry, address: text, ptr } of subject.addresses) {
    const address = parseAddress(text)
    if (address === undefined) {
      collected.problems.push(`"${text}" of entry ${entry} is not a valid IP address`)
      continue
    }
    if (host !== undefined) forward(host, address, text, zones, collected)
    const target = ptr === undefined ? host : full(`ptr of entry ${entry}`, ptr, collected.problems)
    if (target !== undefined) reverse(target, address, text, zones, target === host, collected)
  }
  return { wanted: [...collected.wanted.values()].toSorted(byOrder), homeless: collected.homeless, problems: collected.problems }
}

interface Collected {
  readonly wanted: Map<string, Wanted>
  readonly homeless: string[]
  readonly problems: string[]
}

function named(what: string, text: string, problems: string[]): Name | undefined {
  const named = hostName(text)
  if (named.is === 'name') return named.name
  const sentence = `${what}: ${named.why}`
  if (!problems.includes(sentence)) problems.push(sentence)
  return undefined
}

function full(what: string, text: string, problems: string[]): Name | undefined {
  const name = named(what, text, problems)
  if (name === undefined || name.includes('.')) return name
  problems.push(`${what}: "${text}" has no domain; write a full name such as ${name}.example.com`)
  return undefined
}

function forward(host: Name, address: Address, text: string, zones: readonly WantedZone[], into: Collected): void {
  const type = address.family === 'IPv4' ? 'A' : 'AAAA'
  const homes = forwardZones(host, zones)
  const value = canonicalAddress(text) ?? text
  if (homes.length === 0) noteOnce(into.homeless, `${type} of ${host}`)
  for (const zone of homes) put(into, zone, { name: host, type }, value, false)
}

function reverse(target: Name, address: Address, text: string, zones: readonly WantedZone[], isHost: boolean, into: Collected): void {
  const homes = reverseZones(address, zones)
  if (homes.length === 0) noteOnce(into.homeless, `PTR of ${canonicalAddress(text) ?? text}`)
  for (const { zone, name } of homes) put(into, zone, { name, type: 'PTR' }, target, isHost)
}

function noteOnce(list: string[], text: string): void {
  if (!list.includes(text)) list.push(text)
}

function put(into: Collected, zone: WantedZone, key: { name: Name; type: RecordType }, value: string, afterForward: boolean): void {
  if (key.name.length > longestName) {
    noteOnce(into.problems, `${key.name} has ${key.name.length} characters; the limit is ${longestName}`)
    return
  }
  if (zone.marksByTXT && !markFits(key)) {
    noteOnce(
      into.problems,
      `${key.name} is too long for the owner record of ${zone.zone}: with ownership TXT the limit is ${longestName - 10} characters`,
    )
    return
  }
  const id = `${zone.ref} ${key.type} ${key.name}`
  const before = into.wanted.get(id)?.set.values ?? []
  // A second PTR of one address confuses mail servers, so the first one stays (the same address twice is one record anyway).
  const values = before.includes(value) || (key.type === 'PTR' && before.length > 0) ? before : [...before, value].toSorted()
  into.wanted.set(id, { zone: zone.ref, afterForward, set: { ...key, values, ttlSeconds: zone.ttlSeconds } })
}

const rank = (type: RecordType): number => (type === 'PTR' ? 1 : 0)
const text = (each: Wanted): string => `${rank(each.set.type)} ${each.set.name} ${each.set.type} ${each.zone}`
const byOrder = (a: Wanted, b: Wanted): number => (text(a) < text(b) ? -1 : 1)
