import { missing, refused, satisfied, type Step } from '../ladder/step.ts'
import type { ConfigSeen, Want } from '../ladder/machine.ts'
import { formatSize } from '../api/size.ts'
import { diskSizeMiB, parseDrive, printDrive, sameDrive, withThrottle, type Throttle } from '../proxmox/property-string.ts'
import { configStep, type Values } from '../ladder/config-step.ts'
import { waitForTask } from '../ladder/outcome.ts'
import { type ConfigPatch, emptyPatch } from '../ladder/guest-writer.ts'

export const setSystemDiskSize: Step = {
  name: 'set_system_disk_size',
  rung: 'set_system_disk_size',
  needs: 'config',
  check: (seen, want) => sizeVerdict('system disk', seen.config, want.systemDisk.key, want.systemDisk.sizeMiB),
  apply: async ({ writer, seen, want }) => grow(writer, seen.config, want.systemDisk.key, want.systemDisk.sizeMiB),
}

export const setSystemDiskBandwidth = configStep({
  name: 'set_system_disk_bandwidth',
  rung: 'set_system_disk_bandwidth',
  change: (now, want: Want) => limitsChange(now, want.systemDisk.key, want.systemDisk.limits),
})

/** LVM rounds a volume up to whole extents of 4 MiB, and PVE reads the size back from the storage: no disk we asked for is a shrink. */
const roundingMiB = 4

/** Absent: the template's size is kept. PVE accepts a shrink and then fails it in the task, so it is refused before asking. */
export function sizeVerdict(what: string, config: ConfigSeen | undefined, key: string, wantedMiB: number | undefined) {
  const drive = config?.values[key]
  if (config && !wantedMiB) return satisfied
  if (drive === undefined) return missing(`${what}: there is no drive yet`)
  const hasMiB = diskSizeMiB(parseDrive(drive).options.get('size'))
  if (!wantedMiB || hasMiB === undefined || (hasMiB >= wantedMiB && hasMiB - wantedMiB < roundingMiB)) return satisfied
  if (hasMiB > wantedMiB)
    return refused('DiskShrinkRefused', `${what} (${key}) has ${formatSize(hasMiB)} and never shrinks to ${formatSize(wantedMiB)}`)
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
  return waitForTask(task, `Disk ${key} is being grown to ${formatSize(wantedMiB ?? 0)}.`)
}

/** PVE replaces a drive string as a whole, so everything that is not a limit is sent back as it was read. */
export function limitsChange(now: Values, key: string, limits: Throttle): ConfigPatch {
  const text = now[key]
  if (text === undefined) return emptyPatch
  const drive = parseDrive(text)
  const limited = withThrottle(drive, limits)
  return sameDrive(drive, limited) ? emptyPatch : { set: { [key]: printDrive(limited) }, remove: [] }
}
