// What the system inside a VM took over when it booted. It keeps that until it boots again, whatever the config says meanwhile.
import type { Guest, Section } from './guest.ts'
import { parseNet } from './net.ts'

export interface InsideAddress {
  type: 'ipv4' | 'ipv6'
  address: string
  prefix: number
}

/** The running system: values of its cloud-init drive as it was at the last boot; without such a drive, of the config at that time. */
export interface Inside {
  bootedAtMs: number
  hostname: string
  user: string | undefined
  /** As it stood on the drive: hashed for Linux. */
  password: string | undefined
  /** URL-encoded, as the option holds them. */
  sshKeys: string | undefined
  nameservers: readonly string[]
  /** By MAC in lower case: a NIC with another MAC is a new one, and has none. */
  addresses: ReadonlyMap<string, readonly InsideAddress[]>
}

/** The guest boots now: it reads its cloud-init drive, which may be older than the config. */
export function bootInside(guest: Guest, nowMs: number): Inside {
  const source = guest.generated ?? guest.config
  return {
    bootedAtMs: nowMs,
    hostname: (source.get('name') ?? `VM${guest.vmid}`).split('.')[0] ?? '',
    user: source.get('ciuser'),
    password: source.get('cipassword'),
    sshKeys: source.get('sshkeys'),
    nameservers: (source.get('nameserver') ?? '').split(/[ ,;]+/).filter(Boolean),
    addresses: new Map(nics(source).map(([index, mac]) => [mac, addressesOf(source.get(`ipconfig${index}`) ?? '')])),
  }
}

/** Index and MAC (lower case) of each NIC of a section. */
export function nics(section: Section): [string, string][] {
  return [...section].flatMap(([key, text]): [string, string][] => {
    const index = /^net(\d+)$/.exec(key)?.[1]
    return index === undefined ? [] : [[index, (parseNet(text)['macaddr'] ?? '').toLowerCase()]]
  })
}

function addressesOf(ipconfig: string): InsideAddress[] {
  return (
    [
      ['ip', 'ipv4'],
      ['ip6', 'ipv6'],
    ] as const
  ).flatMap(([key, type]) => {
    const match = new RegExp(`(?:^|,)${key}=([^,/]+)/(\\d+)`).exec(ipconfig)
    return match ? [{ type, address: match[1] ?? '', prefix: Number(match[2]) }] : []
  })
}
