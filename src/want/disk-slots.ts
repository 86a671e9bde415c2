import type { Package } from '../api/package.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { parseSizeMiB, formatSize } from '../api/size.ts'
import { diskSizeMiB, isDriveKey, parseDrive } from '../proxmox/property-string.ts'

type Disks = NonNullable<ProxmoxVMStatus['disks']>
type Values = Readonly<Record<string, string>>

/** Slots of each bus (qemu-server Drive.pm). */
const slots: Readonly<Record<string, number>> = { scsi: 31, virtio: 16, sata: 6, ide: 4 }

/**
 * The slot of every disk of the package: the noted one, or the next free of the system disk's bus. `undefined`: the bus is full.
 * Disks that left the package keep their entry while they are there; `pending` names the keys that PVE changes only at the next cold start.
 */
export function assignSlots(
  noted: Disks,
  system: string,
  merged: Package,
  config: Values,
  pending: readonly string[] = [],
): Disks | undefined {
  const bus = system.replace(/\d+$/, '')
  const taken = new Set([...Object.keys(config), ...noted.map((disk) => disk.key), system])
  const before = noted.find(({ name }) => name === 'system')?.volume
  // Kept while the slot is empty: it names what an admin has to attach again.
  const result: Disks = [{ name: 'system', key: system, ...(before !== undefined && { volume: before }), ...seenDisk(config[system]) }]
  for (const disk of merged.additionalDisks ?? []) {
    const known = noted.find((entry) => entry.name === disk.name)
    const key = (known && movedTo(known, noted, config)) ?? known?.key ?? freeSlot(bus, taken)
    if (key === undefined) return undefined
    taken.add(key)
    result.push({
      name: disk.name,
      key,
      // Kept while the slot is empty: a disk that somebody detached is found again by it.
      ...(known?.volume !== undefined && { volume: known.volume }),
      ...(disk.size && { size: formatSize(parseSizeMiB(disk.size)) }),
      ...seenDisk(config[key]),
      removalPolicy: disk.removalPolicy ?? 'Keep',
    })
  }
  const left = noted.filter((disk) => !result.some((entry) => entry.name === disk.name))
  const there = left.filter((disk) => pending.includes(disk.key) || stillThere(disk, config))
  // Without its volume a detached disk could not be found again.
  return [...result, ...there.map((disk) => (disk.volume === undefined ? { ...disk, ...seenDisk(config[disk.key]) } : disk))]
}

/** Somebody attached its volume at another slot: it is followed there, as an empty disk at the old one would look like lost data. */
function movedTo({ key, volume }: Disks[number], noted: Disks, config: Values): string | undefined {
  if (volume === undefined || config[key] !== undefined) return undefined
  const isFree = (other: string) => isDriveKey(other) && !noted.some((disk) => disk.key === other)
  return Object.keys(config).find((other) => isFree(other) && parseDrive(config[other] ?? '').volume === volume)
}

function freeSlot(bus: string, taken: ReadonlySet<string>): string | undefined {
  return Array.from({ length: slots[bus] ?? 0 }, (_, index) => `${bus}${index}`).find((key) => !taken.has(key))
}

function seenDisk(value: string | undefined): Partial<Disks[number]> {
  if (value === undefined) return {}
  const drive = parseDrive(value)
  const sizeMiB = diskSizeMiB(drive.options.get('size'))
  return { volume: drive.volume, ...(sizeMiB !== undefined && { size: formatSize(Math.round(sizeMiB)) }) }
}

/** Key of the system disk as the intent noted it. */
export const systemKeyOf = (disks: Disks | undefined) => disks?.find((disk) => disk.name === 'system')?.key

/** Attached, or detached and not freed yet. */
const stillThere = (disk: Disks[number], config: Values) =>
  config[disk.key] !== undefined ||
  Object.entries(config).some(([key, value]) => key.startsWith('unused') && parseDrive(value).volume === disk.volume)
