import { missing, refused, satisfied, type Step, type StepSubject } from '../ladder/step.ts'
import type { ConfigSeen, DiskOptions, Want } from '../ladder/machine.ts'
import { formatSize } from '../api/size.ts'
import { diskSizeMiB, isDriveKey, parseDrive, printDrive, sameDrive, withThrottle, type Throttle } from '../proxmox/property-string.ts'
import { withOptions } from './disk-options.ts'
import { configStep, type Values } from '../ladder/config-step.ts'
import { type Outcome, done, waitForTask } from '../ladder/outcome.ts'
import { type ConfigPatch, emptyPatch, type GuestWriter } from '../ladder/guest-writer.ts'

export const setSystemDiskSize: Step = {
  name: 'set_system_disk_size',
  rung: 'set_system_disk_size',
  needs: 'config',
  // One that somebody took away cannot grow; it is told by itself (engine/apply/lost-system-disk.ts).
  check: ({ config }, { systemDisk: { key, sizeMiB } }) =>
    config && config.values[key] === undefined && config.inForce?.[key] === undefined
      ? satisfied
      : sizeVerdict('system disk', config, key, sizeMiB),
  subjects: systemDiskAlone,
  apply: async ({ writer, seen, want }) => grow(writer, seen.config, want.systemDisk.key, want.systemDisk.sizeMiB),
  applyAgain: async ({ writer, seen, want }) => readSizeAgain(writer, seen.config, want.systemDisk.key),
}

export const setSystemDiskBandwidth = configStep({
  name: 'set_system_disk_bandwidth',
  rung: 'set_system_disk_bandwidth',
  change: (now, want: Want) => driveChange(now, want.systemDisk.key, want.systemDisk),
  subjects: systemDiskAlone,
})

function systemDiskAlone(want: Want): StepSubject[] {
  return [{ name: 'system disk', want }]
}

/** LVM rounds a volume up to whole extents of 4 MiB, and PVE reads the size back from the storage: no disk we asked for is a shrink. */
const roundingMiB = 4

/** Absent: the template's size is kept. PVE accepts a shrink and then fails it in the task, so it is refused before asking. */
export function sizeVerdict(what: string, config: ConfigSeen | undefined, key: string, wantedMiB: number | undefined) {
  const drive = config?.inForce?.[key] ?? config?.values[key]
  if (config && !wantedMiB) return satisfied
  if (drive === undefined) return missing(`${what}: the VM has no such drive yet`)
  const hasMiB = diskSizeMiB(parseDrive(drive).options.get('size'))
  if (!wantedMiB || hasMiB === undefined || (hasMiB >= wantedMiB && hasMiB - wantedMiB < roundingMiB)) return satisfied
  if (hasMiB > wantedMiB)
    return refused('DiskShrinkRefused', `${what} (${key}) has ${formatSize(hasMiB)} and does not shrink to ${formatSize(wantedMiB)}`)
  return missing(`${what} (${key}) ${formatSize(hasMiB)} → ${formatSize(wantedMiB)}`)
}

/** The size is absolute, so that a repetition after a lost answer changes nothing. */
export async function grow(
  world: Parameters<Step['apply']>[0]['writer'],
  config: ConfigSeen | undefined,
  key: string,
  wantedMiB: number | undefined,
) {
  const task = await world.resize({ key, sizeMiB: wantedMiB ?? 0, digest: config?.digest ?? '' })
  return waitForTask(task, `PVE grows disk ${key} to ${formatSize(wantedMiB ?? 0)}.`)
}

/**
 * A resize to the size the volume has already ends well and leaves an old size in the configuration (qemu-server, `return if $size == $newsize`).
 * A drive string that is written gets the size of its volume from the storage, so writing the one that is there corrects it.
 */
export async function readSizeAgain(writer: GuestWriter, config: ConfigSeen | undefined, key: string): Promise<Outcome> {
  return (await writer.writeConfig({ set: { [key]: config?.values[key] ?? '' }, remove: [] }, config?.digest ?? '')) ?? done
}

/**
 * A pending drive string carries the size of the time it was written, and brings that back at the next start from off, since PVE does not refresh
 * it (qemu-server, vmconfig_apply_pending). It is put right before that.
 */
export const keepDiskSizes: Step = {
  name: 'keep_disk_sizes',
  rung: 'set_additional_disk_size',
  needs: 'config',
  check: ({ config }) => {
    const all = oldSizes(config).map(
      ({ key, oldMiB, trueMiB }) => `the pending value of ${key} says ${formatSize(oldMiB)}, the disk has ${formatSize(trueMiB)}`,
    )
    return all.length === 0 ? satisfied : missing(all.join(', '))
  },
  async apply({ writer, seen: { config } }) {
    const set = oldSizes(config).map(({ key, corrected }) => [key, corrected] as const)
    return (await writer.writeConfig({ set: Object.fromEntries(set), remove: [] }, config?.digest ?? '')) ?? done
  },
}

function oldSizes(config: ConfigSeen | undefined) {
  return Object.entries(config?.inForce ?? {}).flatMap(([key, now]) => {
    const next = config?.values[key]
    if (next === undefined || !isDriveKey(key)) return []
    const [before, after] = [parseDrive(now), parseDrive(next)]
    const size = before.options.get('size')
    const [trueMiB, oldMiB] = [diskSizeMiB(size), diskSizeMiB(after.options.get('size'))]
    if (before.volume !== after.volume || size === undefined || trueMiB === undefined || oldMiB === undefined || oldMiB >= trueMiB)
      return []
    return [{ key, oldMiB, trueMiB, corrected: printDrive({ ...after, options: new Map([...after.options, ['size', size]]) }) }]
  })
}

/** PVE replaces a drive string as a whole, so everything that is no limit and no option of ours is sent back as it was read. */
export function driveChange(now: Values, key: string, want: { readonly limits: Throttle; readonly options?: DiskOptions }): ConfigPatch {
  const text = now[key]
  if (text === undefined) return emptyPatch
  const drive = parseDrive(text)
  const limited = withThrottle(withOptions(key, drive, want.options ?? {}), want.limits)
  return sameDrive(drive, limited) ? emptyPatch : { set: { [key]: printDrive(limited) }, remove: [] }
}
