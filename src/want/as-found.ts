/** What stays as it was found in a guest that was taken over: narrows what is wanted to what is ours (pure). */
import type { Package } from '../api/package.ts'
import type { ConfigPatch } from '../ladder/guest-writer.ts'
import type { Want } from '../ladder/machine.ts'
import { parseNet, printNet, sameNet } from '../proxmox/net-string.ts'
import { parseDrive, printDrive, sameDrive, type Options } from '../proxmox/property-string.ts'

type Values = Readonly<Record<string, string>>

/** Names of fields, as status.adoption.differences has them: `cores`, `net0.rate`, `scsi0.size`, `disk.data`, `firewall.rules`, `power`. */
export type Fields = ReadonlySet<string>

/** Keys of cloud-init that go with the wire of the network card. */
export const ofTheWire: Fields = new Set(['ipconfig0', 'nameserver', 'searchdomain'])

export const sizeField = (key: string): string => `${key || 'system'}.size`
export const diskField = (name: string): string => `disk.${name}`
export const firewallField = (option: string): string => `firewall.${option}`

/** The package without the additional disks that the guest does not have and nobody asked for since. */
export function withoutUnmadeDisks(merged: Package, fields: Fields): Package {
  if (!merged.additionalDisks) return merged
  return { ...merged, additionalDisks: merged.additionalDisks.filter(({ name }) => !fields.has(diskField(name))) }
}

/** What is wanted, without what stays as found. */
export function withAsFound(want: Want, fields: Fields): Want {
  if (fields.size === 0) return want
  const { sizeMiB, ...systemDisk } = want.systemDisk
  const { options, ...firewall } = want.firewall
  const isOwn = (option: string) => !fields.has(firewallField(option))
  return {
    ...want,
    systemDisk: { ...systemDisk, ...(sizeMiB !== undefined && !fields.has(sizeField(systemDisk.key)) && { sizeMiB }) },
    additionalDisks: want.additionalDisks.map((disk) => (fields.has(sizeField(disk.key)) ? { ...disk, sizeMiB: 0 } : disk)),
    firewall: {
      ...firewall,
      options: Object.fromEntries(Object.entries(options).filter(([option]) => isOwn(option))),
      ...(!isOwn('rules') && { leavesRules: true }),
      ...(!isOwn('ipfilter') && { leavesIpfilter: true }),
    },
    ...(fields.has('power') && { power: 'left-alone' as const }),
    // No restart tells the guest what is not written.
    ...(fields.has('ipconfig0') && { guestLacksAddresses: false }),
    leave: (now, patch) => withoutFields(now, want.leave?.(now, patch) ?? patch, fields),
  }
}

/** The patch without these fields; of an option string only the named options stay as they are. */
function withoutFields(now: Values, patch: ConfigPatch, fields: Fields): ConfigPatch {
  const set: Record<string, string> = {}
  for (const [key, value] of Object.entries(patch.set)) {
    const left = fields.has(key) ? undefined : leftOf(key, now[key], value, fields)
    if (left !== undefined) set[key] = left
  }
  return { set, remove: patch.remove.filter((key) => !fields.has(key)) }
}

/** Undefined: nothing of it is to be written. */
function leftOf(key: string, now: string | undefined, next: string, fields: Fields): string | undefined {
  const kept = new Set([...fields].filter((field) => field.startsWith(`${key}.`)).map((field) => field.slice(key.length + 1)))
  if (now === undefined || kept.size === 0) return next
  if (/^net\d+$/.test(key)) {
    const [found, wanted] = [parseNet(now), parseNet(next)]
    const macAddress = kept.has('macaddr') ? found.macAddress : wanted.macAddress
    const net = {
      model: kept.has('model') ? found.model : wanted.model,
      ...(macAddress !== undefined && { macAddress }),
      options: mixed(found.options, wanted.options, kept),
    }
    return sameNet(found, net) ? undefined : printNet(net)
  }
  const [found, wanted] = [parseDrive(now), parseDrive(next)]
  const drive = { volume: wanted.volume, options: mixed(found.options, wanted.options, kept) }
  return sameDrive(found, drive) ? undefined : printDrive(drive)
}

function mixed(found: Options, wanted: Options, kept: ReadonlySet<string>): Options {
  return new Map([...[...wanted].filter(([key]) => !kept.has(key)), ...[...found].filter(([key]) => kept.has(key))])
}
