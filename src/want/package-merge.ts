import type { Package } from '../api/package.ts'
import { objectionToSchedule } from './backup-schedule.ts'
import { parseSizeMiB as sizeOf } from '../api/size.ts'

type Disk = NonNullable<Package['additionalDisks']>[number]
type Rule = NonNullable<NonNullable<Package['firewall']>['rules']>[number]

/**
 * Inline beats the VMPackage field by field, zero included; absent does not. `additionalDisks` merge by name and field by field, `rules` by name
 * as whole entries: the package's order first, then what only the inline one has.
 */
export function mergePackages(base: Package, inline: Package): Package {
  const merged = mergeFields(base, inline) as Package
  const disks = mergeByName(base.additionalDisks, inline.additionalDisks, (a, b) => mergeFields(a, b) as Disk)
  const rules = mergeByName<Rule>(base.firewall?.rules, inline.firewall?.rules, (_, b) => b)
  return {
    ...merged,
    ...(disks && { additionalDisks: disks }),
    ...(merged.firewall && { firewall: { ...merged.firewall, ...(rules && { rules }) } }),
  }
}

type Fields = Readonly<Record<string, unknown>>

function mergeFields(base: object, over: object): Fields {
  const result: Record<string, unknown> = { ...(base as Fields) }
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const below = result[key]
    result[key] = isFields(value) && isFields(below) ? mergeFields(below, value) : value
  }
  return result
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

function mergeByName<T extends { name: string }>(
  base: readonly T[] | undefined,
  over: readonly T[] | undefined,
  merge: (a: T, b: T) => T,
): T[] | undefined {
  if (!base && !over) return undefined
  const overriding = new Map((over ?? []).map((entry) => [entry.name, entry]))
  const known = new Set((base ?? []).map((entry) => entry.name))
  const kept = (base ?? []).map((entry) => {
    const replacement = overriding.get(entry.name)
    return replacement ? merge(entry, replacement) : entry
  })
  return [...kept, ...(over ?? []).filter((entry) => !known.has(entry.name))]
}

/** What the API server could not see because it holds only for the merged result. Undefined: nothing to object to. */
export function objectionTo(merged: Package): string | undefined {
  for (const disk of merged.additionalDisks ?? []) {
    if (!disk.size || sizeOf(disk.size) === 0) return `additional disk "${disk.name}" has no size; write one, for example size: 10Gi`
    const burst = burstWithoutBase(disk.bandwidth)
    if (burst) return `additional disk "${disk.name}": ${burst}`
  }
  const schedule = objectionToSchedule(merged.backups ?? {})
  if (schedule) return schedule
  if (merged.traffic?.onExceed === 'Throttle' && !merged.traffic.throttleMbit)
    return 'traffic.onExceed: Throttle needs traffic.throttleMbit, for example 10'
  const burst = burstWithoutBase(merged.systemDisk?.bandwidth)
  if (burst) return `systemDisk: ${burst}`
  return contradictionIn(merged)
}

type Bandwidth = NonNullable<NonNullable<Package['systemDisk']>['bandwidth']>

function burstWithoutBase(bandwidth: Bandwidth | undefined): string | undefined {
  for (const base of ['readMiBps', 'writeMiBps', 'readIOPS', 'writeIOPS'] as const) {
    if (bandwidth?.[`${base}Burst`] && !bandwidth[base]) return `${base}Burst needs ${base}`
  }
  return undefined
}

function contradictionIn({ memory, firewall, network }: Package): string | undefined {
  const sizeMiB = sizeOf(memory?.size ?? 0)
  if (memory?.minimum && sizeMiB > 0 && sizeOf(memory.minimum) > sizeMiB)
    return `memory.minimum ${memory.minimum} is more than memory.size ${memory.size}`
  if (network?.mtu && network.model !== undefined && network.model !== 'virtio')
    return `network.mtu works with model virtio only, not ${network.model}`
  for (const rule of firewall?.rules ?? []) {
    if (rule.macro && rule.protocol) return `firewall rule "${rule.name}": write macro or protocol, not both`
    if ((rule.sourcePorts || rule.destinationPorts) && !rule.protocol)
      return `firewall rule "${rule.name}": ports need a protocol, for example tcp`
  }
  return undefined
}
