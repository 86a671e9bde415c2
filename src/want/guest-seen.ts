/** What a guest has taken from cloud-init, compared with what PVE shows (pure). */
import { createHash } from 'node:crypto'
import type { GuestSeen, StartVerdict } from './cold-start.ts'

type Values = Readonly<Record<string, string>>

/** PVE's keys that reach the guest through its cloud-init drive, with the field of the spec a person knows. */
const fields: Readonly<Record<string, string>> = {
  name: 'host name',
  ciuser: 'user',
  cipassword: 'password',
  sshkeys: 'SSH keys',
  ipconfig0: 'addresses',
  nameserver: 'name servers',
  searchdomain: 'search domain',
  cicustom: 'snippets',
}

export const isGuestKey = (key: string): boolean => key in fields

/** What PVE shows, and the version of the password in it (uid and resourceVersion of its Secret). */
export interface Shown {
  readonly values: Values
  readonly passwordVersion: string | undefined
}

/** The guest may have any value. */
const unknown = '?'

const digestOf = (value: string) => createHash('sha256').update(value).digest('hex').slice(0, 16)

/** A password is never hashed: PVE shows stars, and the version of its Secret tells it apart. */
function fingerprint(key: string, { values, passwordVersion }: Shown): string {
  const value = values[key]
  if (value === undefined) return ''
  return key === 'cipassword' ? (passwordVersion ?? '-') : digestOf(value)
}

const fingerprints = (shown: Shown): GuestSeen['values'] =>
  Object.keys(fields).flatMap((key) => {
    const print = fingerprint(key, shown)
    return print === '' ? [] : [{ key, fingerprint: print }]
  })

type Family = 'IPv4' | 'IPv6'
export const familyOf = (address: string): Family => (address.includes(':') ? 'IPv6' : 'IPv4')

/** Addresses of `ipconfig0`, as PVE spells them; `dhcp` and `auto` are none. */
export const addressesIn = (ipconfig: string | undefined): string[] =>
  [...(ipconfig ?? '').matchAll(/(?:^|,)ip6?=([^,/]+)\//g)].map((match) => match[1] ?? '')

const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])]
export const isSameSet = (a: readonly string[], b: readonly string[]) => union(a, b).length === a.length && a.length === b.length

export interface BeforeWrite {
  readonly before: GuestSeen | undefined
  /** Of `before`. */
  readonly verdict: StartVerdict
  readonly shown: Shown
  /** Addresses the VM holds. */
  readonly held: readonly string[]
  /** Of those, the ones no entry stands for any more. */
  readonly leaving: readonly string[]
  /** What `ipconfig0` will be. */
  readonly wanted: string | undefined
  readonly at: Pick<GuestSeen, 'since' | 'node' | 'pid'>
}

/** The record that is due before PVE is given other values: what the guest has, or may have, at this moment. */
export function seenBefore(o: BeforeWrite): GuestSeen {
  const { before, verdict, shown, at } = o
  const now = addressesIn(shown.values.ipconfig0)
  if (!before || verdict.is === 'started') return { ...at, values: fingerprints(shown), addresses: union(now, unexplained(o, now)) }
  if (verdict.is === 'same' || verdict.is === 'missed') return { ...before, ...at }
  return { ...at, values: doubtful(before, shown), addresses: union(before.addresses, now) }
}

/**
 * Where PVE shows an address that we have not put there, somebody changed it by hand, and the guest may have any that the VM holds. The same
 * where it shows none although one is held.
 */
function unexplained({ held, leaving, wanted }: BeforeWrite, now: readonly string[]): string[] {
  const expected = union(leaving, addressesIn(wanted))
  return (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const shown = now.filter((address) => familyOf(address) === family)
    const isExplained = shown.length > 0 && shown.every((address) => expected.includes(address))
    return isExplained ? [] : held.filter((address) => familyOf(address) === family)
  })
}

/** It may have been started from off since the last write: then it has what PVE shows, else what it had. */
function doubtful(before: GuestSeen, shown: Shown): GuestSeen['values'] {
  const now = new Map(fingerprints(shown).map((value) => [value.key, value.fingerprint]))
  const was = new Map(before.values.map((value) => [value.key, value.fingerprint]))
  return union([...was.keys()], [...now.keys()]).map((key) => {
    const [old = '', print = ''] = [was.get(key), now.get(key)]
    return { key, fingerprint: old === print ? print : unknown }
  })
}

/** It was started from off, or is off: it has what PVE shows, and while it is off no address at all. */
export const seenAfterStart = (before: GuestSeen, shown: Shown, isOff: boolean): GuestSeen => ({
  ...before,
  values: isOff ? [] : fingerprints(shown),
  addresses: isOff ? [] : addressesIn(shown.values.ipconfig0),
})

/** A VM whose record was lost and whose addresses are still being released: it may have them. */
export const seenUnknown = (addresses: readonly string[], shown: Shown, at: Pick<GuestSeen, 'since' | 'node'>): GuestSeen => ({
  ...at,
  values: [...fingerprints(shown).filter(({ key }) => key !== 'ipconfig0'), { key: 'ipconfig0', fingerprint: unknown }],
  addresses: [...addresses],
})

/** Of the addresses that leave, those that the guest has or may have: on record, or without a record what PVE shows. */
export const stillUsed = (seen: GuestSeen | undefined, ipconfig: string | undefined, leaving: readonly string[]): string[] => {
  const used = union(seen?.addresses ?? [], addressesIn(ipconfig))
  return leaving.filter((address) => used.includes(address))
}

/** The guest is gone, and what it had with it. */
export const nothingSeen = (before: GuestSeen): GuestSeen => ({ ...before, values: [], addresses: [] })

/** What the running guest does not have yet, in words for people. A record without values is of a guest that has to be started first. */
export function behindOf(seen: GuestSeen | undefined, shown: Shown): string[] {
  if (!seen || seen.values.length === 0) return []
  const was = new Map(seen.values.map((value) => [value.key, value.fingerprint]))
  const keys = Object.keys(fields).filter((key) => (was.get(key) ?? '') !== fingerprint(key, shown))
  return keys.map((key) => (key === 'ipconfig0' ? addressesField(seen, shown) : (fields[key] ?? key)))
}

/** Gateway and prefix come from the pool. */
const addressesField = (seen: GuestSeen, { values }: Shown) =>
  isSameSet(seen.addresses, addressesIn(values.ipconfig0)) ? 'gateway or prefix of its address' : 'addresses'
