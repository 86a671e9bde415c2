import { refuse } from '../http/refusal.ts'
import type { Call } from '../routes.ts'
import { copyFirewall, emptyFirewall, isEmptyFirewall, reread, type FirewallFile } from './file.ts'
import type { RuleScope } from './rules.ts'

/** Whose firewall file a route works on. */
export interface Place {
  /** Route prefix, up to and including `/firewall`. */
  readonly prefix: string
  readonly env: 'vm' | 'cluster'
}

export const guestPlace: Place = { prefix: '/nodes/{node}/qemu/{vmid}/firewall', env: 'vm' }
export const datacenterPlace: Place = { prefix: '/cluster/firewall', env: 'cluster' }

function keyOf(place: Place, call: Call): number | string {
  return place.env === 'cluster' ? 'cluster' : call.vmid
}

/** A copy of the file to work on; an absent file reads as an empty one. */
export function loadFile(place: Place, call: Call): FirewallFile {
  const file = call.world.firewall.get(keyOf(place, call))
  return file === undefined ? emptyFirewall() : copyFirewall(file)
}

/** Writes the file; one that would be empty is removed. Neither the guest nor its node is looked at (pve-firewall save_vmfw_conf). */
export function saveFile(place: Place, call: Call, file: FirewallFile): void {
  const key = keyOf(place, call)
  // The lock is a directory in /etc/pve (PVE::Cluster cfs_lock).
  if (!call.world.quorate) refuse(`cfs-lock 'firewall-${key === 'cluster' ? key : `vm-${key}`}' error: no quorum!`)
  if (isEmptyFirewall(file)) call.world.firewall.delete(key)
  else call.world.firewall.set(key, reread(file))
}

/** Where names in rules of this place are looked up. */
export function scopeOf(place: Place, call: Call, file: FirewallFile): RuleScope {
  if (place.env === 'cluster') return { env: 'cluster', cluster: file, local: file }
  return { env: 'vm', cluster: loadFile(datacenterPlace, call), local: file }
}

/** A parameter as text: numbers in decimal, anything that is neither as nothing. */
export function plainText(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

/** A comma, semicolon or space separated list parameter. */
export function listOf(value: unknown): string[] {
  return plainText(value)
    .split(/[,;\s\0]+/)
    .filter((item) => item !== '')
}

/** A text parameter; absent and empty are the same to the firewall API. */
export function textOf(value: unknown): string | undefined {
  const text = plainText(value)
  return text === '' ? undefined : text
}

/** The comment of a set or group: an empty one is given too, it removes the old one. */
export function commentOf(call: Call): { comment?: string } {
  const { comment } = call.params
  return comment === undefined ? {} : { comment: plainText(comment) }
}
