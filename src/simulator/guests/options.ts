import { crypt5 } from './crypt.ts'
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

/** Options of the config among a call's parameters, as text, in the order of the request. */
export function settingsOf(call: Pick<Call, 'params'>): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [key, value] of Object.entries(call.params)) {
    if (value !== undefined && (key === 'cdrom' || vmOptions[key])) out[key] = textOf(value)
  }
  return out
}

export function optionExists(key: string): boolean {
  return vmOptions[key] !== undefined || internal.has(key) !== (key === 'digest')
}

const sshKey =
  /^(?:[a-z0-9,="' -]+ )?(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+=*(?: .*)?$/i

function checkSshKeys(encoded: string): void {
  const text = decodeURIComponent(encoded)
  for (const line of text.split('\n'))
    if (line.trim() !== '' && !line.startsWith('#') && !sshKey.test(line.trim())) refuse('SSH public key validation error')
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
  if (key === 'tags') return uniqueTags(value)
  if (key === 'description') return value.replace(/\s+$/, '')
  if (key === 'cipassword') return /^\$(?:[156]|y|2[abxy]?)\$/.test(value) ? value : crypt5(value, world.random.hex(8))
  if (key === 'boot' && value === '') return ' '
  return value
}

/** A hookscript must be there before anybody's rights are asked (recording 14). */
export function checkHookscript(world: World, value: string): void {
  const parts = splitVolid(value)
  if (parts && !world.storage.find(value, world.firstNode.name)) throw paramError({ hookscript: `script '${value}' does not exist\n` })
}

/** Lower case, each once, sorted (PVE::GuestHelpers get_unique_tags with the default tag-style). */
function uniqueTags(text: string): string {
  return [...new Set(splitList(text.toLowerCase()))].toSorted().join(';')
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
