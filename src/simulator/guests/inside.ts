// What the system inside a VM took over when it booted. It keeps that until it boots again, whatever the config says meanwhile.
import type { Guest, Inside, InsideAddress, Section } from './guest.ts'

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
    addresses: new Map(nics(source).map(([index, mac]) => [mac, addressesOf(source.get(`ipconfig${index}`) ?? '', guest.vmid)])),
  }
}

/** Index and MAC (lower case) of each NIC of a section. */
export function nics(section: Section): [string, string][] {
  return [...section].flatMap(([key, text]): [string, string][] => {
    const index = /^net(\d+)$/.exec(key)?.[1]
    return index === undefined ? [] : [[index, /=([0-9A-Fa-f:]{17})/.exec(text)?.[1]?.toLowerCase() ?? '']]
  })
}

/** On every wire a DHCP server gives each guest an address of its own. */
const leaseOf = (vmid: number): InsideAddress => ({ type: 'ipv4', address: `100.64.${(vmid >> 8) & 255}.${vmid & 255}`, prefix: 10 })

function addressesOf(ipconfig: string, vmid: number): InsideAddress[] {
  if (/(?:^|,)ip=dhcp(?:,|$)/.test(ipconfig)) return [leaseOf(vmid)]
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
