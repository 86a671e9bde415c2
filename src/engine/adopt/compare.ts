/** In what a guest differs from its spec, field by field (pure). */
import { createHash } from 'node:crypto'
import type { FoundDifference } from '../../api/adopt.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { formatSize } from '../../api/size.ts'
import { isConfigStep, mergedChange, type Values } from '../../ladder/config-step.ts'
import { ruleName } from '../../ladder/mark.ts'
import type { FirewallSeen, Seen, Want } from '../../ladder/machine.ts'
import { provision } from '../../lifecycle.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { diskSizeMiB, isDriveKey, type Options, parseDrive, sameOptions } from '../../proxmox/property-string.ts'
import { power } from '../../steps/power.ts'
import { nextWrite } from '../../steps/set-firewall.ts'
import { diskField, firewallField, sizeField } from '../../want/as-found.ts'
import { isSuspended } from '../../want/suspension.ts'
import { isCold } from '../apply/change.ts'

/** How a change reaches the guest. */
type Way = 'Live' | 'Restart' | 'Never'

/** Every difference; `want` unnarrowed. Name, power and password of the spec are compared as well. */
export function differencesOf(vm: ProxmoxVM, seen: Seen, want: Want): FoundDifference[] {
  const values = seen.config?.values ?? {}
  const isOn = seen.power === 'running'
  return [
    ...nameDifference(vm, values, want, isOn),
    ...configDifferences(vm, values, want, isOn),
    ...sizeDifferences(values, want),
    ...(seen.firewall ? firewallDifferences(seen.firewall, want.firewall) : []),
    ...powerDifference(vm, seen, want),
  ]
}

const longest = 200

/** As it can stand in a status: long values by their beginning and a fingerprint. */
function told(value: string | undefined): string | undefined {
  if (value === undefined || value.length <= longest) return value
  return `${value.slice(0, longest)}… (${createHash('sha256').update(value).digest('hex').slice(0, 12)})`
}

function difference(field: string, found: string | undefined, wanted: string | undefined, applies: Way): FoundDifference {
  const [before, after] = [told(found), told(wanted)]
  return { field, ...(before !== undefined && { found: before }), ...(after !== undefined && { wanted: after }), applies }
}

/** A guest that was never named stays so, whatever its object is called. */
function nameDifference({ spec }: ProxmoxVM, { name }: Values, want: Want, isOn: boolean): FoundDifference[] {
  const wanted = spec.hostname?.toLowerCase() ?? (name === undefined ? want.name : undefined)
  return wanted === undefined || wanted === name?.toLowerCase() ? [] : [difference('name', name, wanted, isOn ? 'Restart' : 'Live')]
}

/** The mark and the tag come with the takeover itself; the name is compared by the spec. */
const besides: ReadonlySet<string> = new Set(['description', 'tags', 'name'])
const secret = '(secret)'

function configDifferences(vm: ProxmoxVM, values: Values, want: Want, isOn: boolean): FoundDifference[] {
  const patch = mergedChange(provision.filter(isConfigStep), values, want)
  const way = (key: string): Way => (isOn && (isCold(key, values, patch.set) || cloudInitKey.test(key)) ? 'Restart' : 'Live')
  const set = Object.entries(patch.set).flatMap(([key, value]) => keyDifferences(key, values[key], value, want, way(key)))
  const removed = patch.remove.map((key) => difference(key, key === 'cipassword' ? secret : values[key], undefined, way(key)))
  const all = [...set, ...removed].filter(({ field }) => !besides.has(field))
  const others = all.filter(({ field }) => field !== 'cipassword')
  return [...others, ...passwordDifference(vm, all, want, way('cipassword'))]
}

/** What cloud-init tells the guest only when it starts from off. */
const cloudInitKey = /^(?:ci|ipconfig|sshkeys|nameserver|searchdomain)/

/** The password is known by the version of its Secret; one that would be generated has none yet. */
function passwordDifference({ spec }: ProxmoxVM, all: readonly FoundDifference[], want: Want, way: Way): FoundDifference[] {
  const known = all.find(({ field }) => field === 'cipassword')
  const isUnmade = spec.cloudInit?.generatePassword === true && want.passwordVersion === undefined
  if (isUnmade) return [difference('cipassword', known?.found, 'generated', way)]
  if (!known) return []
  return [difference('cipassword', known.found, want.passwordVersion === undefined ? undefined : `Secret ${want.passwordVersion}`, way)]
}

function keyDifferences(key: string, found: string | undefined, wanted: string, want: Want, way: Way): FoundDifference[] {
  if (key === 'cipassword') return [difference(key, found === undefined ? undefined : secret, secret, way)]
  if (isDriveKey(key)) {
    const disk = want.additionalDisks.find((one) => one.key === key)
    if (found === undefined) return [difference(diskField(disk?.name ?? key), undefined, wanted, way)]
    return optionDifferences(key, parseDrive(found).options, parseDrive(wanted).options, way)
  }
  if (!/^net\d+$/.test(key) || found === undefined) return [difference(key, found, wanted, way)]
  const [before, after] = [parseNet(found), parseNet(wanted)]
  const isSame = (a: string | undefined, b: string | undefined) => a?.toUpperCase() === b?.toUpperCase()
  return [
    ...(before.model === after.model ? [] : [difference(`${key}.model`, before.model, after.model, way)]),
    ...(isSame(before.macAddress, after.macAddress) ? [] : [difference(`${key}.macaddr`, before.macAddress, after.macAddress, way)]),
    ...optionDifferences(key, before.options, after.options, way),
  ]
}

function optionDifferences(key: string, found: Options, wanted: Options, way: Way): FoundDifference[] {
  const only = (options: Options, name: string): Options => new Map([...options].filter(([other]) => other === name))
  return [...new Set([...found.keys(), ...wanted.keys()])]
    .filter((name) => name !== 'size' && !sameOptions(only(found, name), only(wanted, name)))
    .map((name) => difference(`${key}.${name}`, found.get(name), wanted.get(name), way))
}

/** LVM rounds up to extents of 4 MiB. */
const roundingMiB = 4

function sizeDifferences(values: Values, { systemDisk, additionalDisks }: Want): FoundDifference[] {
  return [systemDisk, ...additionalDisks].flatMap(({ key, sizeMiB }) => {
    if (!sizeMiB || (values[key] === undefined && key !== systemDisk.key)) return []
    const hasMiB = diskSizeMiB(parseDrive(values[key] ?? '').options.get('size'))
    if (hasMiB !== undefined && hasMiB >= sizeMiB && hasMiB - sizeMiB < roundingMiB) return []
    const found = hasMiB === undefined ? undefined : formatSize(Math.round(hasMiB))
    return [difference(sizeField(key), found, formatSize(sizeMiB), hasMiB === undefined || hasMiB > sizeMiB ? 'Never' : 'Live')]
  })
}

function firewallDifferences(seen: FirewallSeen, want: Want['firewall']): FoundDifference[] {
  const settled: FirewallSeen = { options: want.options, rules: [], ...(want.ipfilter && { ipfilter: want.ipfilter }) }
  const options = nextWrite({ ...settled, options: seen.options }, { ...want, rules: [] })
  const lacksRules = nextWrite({ ...settled, rules: seen.rules }, want) !== undefined
  const { ipfilter: _, ...setless } = settled
  const setAsSeen = { ...setless, ...(seen.ipfilter && { ipfilter: seen.ipfilter }) }
  const lacksSet = nextWrite(setAsSeen, { ...want, rules: [] }) !== undefined
  const own = seen.rules.flatMap(({ fields }) => ruleName(fields.comment) ?? [])
  return [
    ...(options?.do === 'set-options'
      ? Object.entries(options.options).map(([option, value]) => difference(firewallField(option), seen.options[option], value, 'Live'))
      : []),
    ...(lacksRules
      ? [difference(firewallField('rules'), own.length > 0 ? own.join(' ') : undefined, JSON.stringify(want.rules), 'Live')]
      : []),
    ...(lacksSet ? [difference(firewallField('ipfilter'), seen.ipfilter?.join(' '), want.ipfilter?.join(' '), 'Live')] : []),
  ]
}

/** A suspension of the spec is in force at once: it is an order of its own. */
function powerDifference(vm: ProxmoxVM, seen: Seen, want: Want): FoundDifference[] {
  if (isSuspended(vm) || power.check(seen, want).is !== 'missing') return []
  return [difference('power', seen.power, want.power === 'stopped' ? 'stopped' : 'running', 'Live')]
}
