import { isWindows } from './cloudinit-text.ts'
import { crypt5 } from './crypt.ts'
import type { Section } from './guest.ts'
import { isPublicKey } from './ssh-key.ts'
import { paramError, refuse } from '../http/refusal.ts'
import { splitList } from '../schema/named.ts'
import { vmOptions } from '../schema/schema.ts'
import { textOf } from '../schema/text.ts'
import { splitVolid } from '../storage/volume.ts'
import type { World } from '../world/world.ts'
import { type Call, str } from '../routes.ts'
import { isDriveKey, parseDrive, printDrive } from './drive.ts'
import { canonicalNet } from './net.ts'

const internal = new Set(['parent', 'snaptime', 'snapstate', 'vmstate', 'meta', 'runningmachine', 'runningcpu', 'digest'])

/** Options of the config among a call's parameters, as text and as they were sent, in the order of the request. */
export function settingsOf(call: Pick<Call, 'params' | 'rawParams'>): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [key, value] of Object.entries(call.params)) {
    if (value === undefined || (key !== 'cdrom' && !vmOptions[key])) continue
    const sent = call.rawParams[key]
    out[key] = typeof sent === 'string' && typeof value === 'number' ? sent : textOf(value)
  }
  return out
}

export function optionExists(key: string): boolean {
  return vmOptions[key] !== undefined || internal.has(key) !== (key === 'digest')
}

/** Each line for itself, comments too (PVE::Tools validate_ssh_public_keys). */
function checkSshKeys(encoded: string): void {
  const bytes = encoded.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  for (const line of bytes.split('\n')) if (line.trim() !== '' && !isPublicKey(line)) refuse('SSH public key validation error')
}

/** Brings values into the form they are stored in; throws 400 for drives that cannot be parsed. */
export function normalise(world: World, settings: Record<string, string>): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [given, value] of Object.entries(settings)) {
    const key = given === 'cdrom' ? 'ide2' : given
    out[key] = normalised(world, key, given === 'cdrom' && !value.includes('media=') ? `${value},media=cdrom` : value)
  }
  return out
}

function normalised(world: World, key: string, value: string): string {
  if (isDriveKey(key)) {
    const drive = parseDrive(key, value)
    if (!drive) throw paramError({ [key]: 'unable to parse drive options' })
    if (drive['file'] === 'none' || drive['file'] === 'cdrom') drive['media'] ??= 'cdrom'
    return printDrive(drive)
  }
  if (/^net\d+$/.test(key)) return canonicalNet(world, value)
  if (key === 'sshkeys') checkSshKeys(value)
  if (key === 'cpuunits') return String(Math.min(Number(value), 10_000))
  if (key === 'vmgenid' && value === '1') return world.random.uuid()
  return value
}

/** What PVE stores for a new password: hashed, except for Windows and where it is a hash already. */
export function storedPassword(world: World, config: Section, value: string): string {
  return isWindows(config) || /^\$(?:[156]|2[ay])(?:\$.+){2}/.test(value) ? value : crypt5(value, world.random.hex(8))
}

/** A hookscript must be there before anybody's rights are asked (recording 14). */
export function checkHookscript(world: World, value: string): void {
  const parts = splitVolid(value)
  if (parts && !world.storage.find(value, world.firstNode.name)) throw paramError({ hookscript: `script '${value}' does not exist\n` })
}

/** `delete` and `revert`, split. */
export function listOf(call: Pick<Call, 'params'>, name: string): string[] {
  return splitList(str(call, name) ?? '')
}

export function onlyRoot(call: Call, ...names: string[]): void {
  for (const name of names) {
    const value = call.params[name]
    if (value !== undefined && value !== 0 && !call.user.isRoot) throw paramError({ [name]: 'Only root may use this option.' })
  }
}
