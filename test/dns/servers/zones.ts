import { dnsMarkOf, type RecordType } from '../../../src/dns/marks.ts'
import type { DnsChange, DnsProvider, Found, RecordKey, RecordSet } from '../../../src/dns/providers/provider.ts'

/** The zones every server under test has: a forward one, both families of reverse ones and a classless one. */
export const forward = 'example.test'
export const reverse4 = '2.0.192.in-addr.arpa'
export const reverse6 = '8.b.d.0.1.0.0.2.ip6.arpa'
export const classless = '64/26.100.51.198.in-addr.arpa'
export const zoneNames = [forward, reverse4, reverse6, classless] as const
export type ZoneOf = (typeof zoneNames)[number]

export const mine = '5f0c8a9e-6f43-4b8a-9a64-6e9f2a2f3b11'
export const yours = '0d3c2ad4-93a4-49a0-9c57-0f0f5a3f7a22'

export const set = (name: string, type: RecordType, values: readonly string[], ttlSeconds = 300): RecordSet => ({
  name,
  type,
  values,
  ttlSeconds,
})

/** Looks, plans nothing and changes: what the provider is told is what it saw. */
export async function write(provider: DnsProvider, want: RecordSet, uid = mine): Promise<unknown> {
  return (await provider.apply([await changeTo(provider, want, uid)]))[0]
}

export async function changeTo(provider: DnsProvider, want: RecordSet, uid = mine): Promise<DnsChange> {
  return { seen: await see(provider, want), want, uid }
}

export async function erase(provider: DnsProvider, key: RecordKey, uid = mine): Promise<unknown> {
  return (await provider.apply([{ seen: await see(provider, key), uid }]))[0]
}

export async function see(provider: DnsProvider, { name, type }: RecordKey): Promise<Found> {
  const [found] = await provider.look([{ name, type }])
  if (found === undefined) throw new Error('the look answered nothing')
  return found
}

/** A mark as TXT in the spelling of zone files. */
export const quotedMark = (uid: string): string => `"${dnsMarkOf(uid)}"`
