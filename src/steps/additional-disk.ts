import { refused, satisfied, type Step, type StepSubject, type Verdict } from '../ladder/step.ts'
import type { Seen, Want, WantedDisk } from '../ladder/machine.ts'
import { parseDrive } from '../proxmox/property-string.ts'
import { configStep, type Values } from '../ladder/config-step.ts'
import { inheritedOptions } from './disk-options.ts'
import { driveChange, grow, readSizeAgain, sizeVerdict } from './system-disk.ts'
import { type ConfigPatch, emptyPatch } from '../ladder/guest-writer.ts'
import { done } from '../ladder/outcome.ts'

/**
 * Allocation is not repeatable: `scsi1=local-lvm:10` on a taken key allocates another volume. Hence the key is in status before,
 * a taken key counts as ours, and the digest refuses a second request that was planned on the same look. A disk that somebody detached
 * is attached again: an empty one in its place would look like lost data.
 */
export const setCreatedAdditionalDisk = configStep({
  name: 'set_created_additional_disk',
  rung: 'set_created_additional_disk',
  change: (now, want) => ({
    set: Object.fromEntries(
      want.additionalDisks
        .filter((disk) => now[disk.key] === undefined)
        .map((disk) => [disk.key, detached(now, disk) ?? allocation(disk, now[want.systemDisk.key])]),
    ),
    remove: want.removedDisks.filter((disk) => keptBecause(now, disk) === undefined).flatMap((disk) => removal(now, disk)),
  }),
  subjects: eachDisk,
})

/** What PVE would refuse to remove is not asked for: it refuses the whole request, with everything else in it. */
export const keepDisks: Step = {
  name: 'set_created_additional_disk',
  rung: 'set_created_additional_disk',
  needs: 'config',
  check({ config }, want) {
    const kept = want.removedDisks.flatMap((disk) => keptBecause(config?.values ?? {}, disk) ?? [])
    return kept.length === 0 ? satisfied : refused('DiskKept', kept.join('; '))
  },
  apply: () => Promise.resolve(done),
}

/** PVE removes no disk of a protected VM, and frees no volume that a snapshot has (qemu-server, check_protection and try_deallocate_drive). */
function keptBecause(now: Values, disk: Want['removedDisks'][number]): string | undefined {
  const [key] = removal(now, disk)
  if (key === undefined) return undefined
  const what = `disk ${disk.name ?? disk.key} (${key})`
  if (now.protection === '1')
    return `${what} was not removed, because the VM is protected in PVE; the operator removes it when the protection is off`
  if (key.startsWith('unused') && now.parent !== undefined)
    return `${what} was detached; its data stays until the last snapshot of the VM is deleted`
  return undefined
}

/** One wish for each disk. */
function eachDisk(want: Want): StepSubject[] {
  const none = { ...want, additionalDisks: [], removedDisks: [] }
  return [
    ...want.additionalDisks.map((disk) => ({ name: `disk ${disk.name}`, want: { ...none, additionalDisks: [disk] } })),
    ...want.removedDisks.map((disk) => ({ name: `disk ${disk.name ?? disk.key}`, want: { ...none, removedDisks: [disk] } })),
  ]
}

/** Removing the key detaches the disk and leaves its volume as `unusedN`; removing that frees it. Two requests, each harmless to repeat. */
function removal(now: Values, { key, volume }: { readonly key: string; readonly volume?: string }): string[] {
  if (now[key] !== undefined && (volume === undefined || parseDrive(now[key]).volume === volume)) return [key]
  if (volume === undefined) return []
  return Object.keys(now).filter((other) => other.startsWith('unused') && parseDrive(now[other] ?? '').volume === volume)
}

/** Naming the volume of an `unusedN` takes it back into use (qemu-server). */
function detached(now: Values, { volume }: WantedDisk): string | undefined {
  const unused = Object.entries(now).some(([key, value]) => key.startsWith('unused') && parseDrive(value).volume === volume)
  return unused ? volume : undefined
}

/** `STORAGE:SIZE` allocates; SIZE is in GiB without a unit, decimals allowed (qemu-server, `NEW_DISK_RE`). */
const allocation = (disk: WantedDisk, systemDisk: string | undefined) =>
  `${disk.storage}:${disk.sizeMiB / 1024}${disk.format ? `,format=${disk.format}` : ''}${inheritedOptions(systemDisk, disk.key, disk.options ?? {})}`

export const setAdditionalDiskSize: Step = {
  name: 'set_additional_disk_size',
  rung: 'set_additional_disk_size',
  needs: 'config',
  subjects: eachDisk,
  check(seen, want) {
    const verdicts = want.additionalDisks.map((disk) => sizeOf(seen, disk))
    return firstMissing(verdicts) ?? allRefused(verdicts) ?? satisfied
  },
  async apply({ writer, seen, want }) {
    const disk = want.additionalDisks.find((candidate) => sizeOf(seen, candidate).is === 'missing') as WantedDisk
    return await grow(writer, seen.config, disk.key, disk.sizeMiB)
  },
  async applyAgain({ writer, seen, want }) {
    const disk = want.additionalDisks.find((candidate) => sizeOf(seen, candidate).is === 'missing') as WantedDisk
    return await readSizeAgain(writer, seen.config, disk.key)
  },
}

const sizeOf = (seen: Seen, disk: WantedDisk) => sizeVerdict(`disk ${disk.name}`, seen.config, disk.key, disk.sizeMiB)

const firstMissing = (verdicts: readonly Verdict[]) => verdicts.find((verdict) => verdict.is === 'missing')

function allRefused(verdicts: readonly Verdict[]): Verdict | undefined {
  const told = verdicts.filter((verdict) => verdict.is === 'refused')
  return told.length === 0 ? undefined : refused('DiskShrinkRefused', told.map((verdict) => verdict.message).join('; '))
}

export const setAdditionalDiskBandwidth = configStep({
  name: 'set_additional_disk_bandwidth',
  rung: 'set_additional_disk_bandwidth',
  change: (now, want) => want.additionalDisks.map((disk) => driveChange(now, disk.key, disk)).reduce(joined, emptyPatch),
  subjects: eachDisk,
})

const joined = (a: ConfigPatch, b: ConfigPatch): ConfigPatch => ({ set: { ...a.set, ...b.set }, remove: [...a.remove, ...b.remove] })
