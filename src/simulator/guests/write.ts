import type { World } from '../world/world.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { type Guest, noChanges } from './guest.ts'
import { refuse } from '../http/refusal.ts'
import { factsOfName, splitVolid } from '../storage/volume.ts'

const maxUnused = 256

/** What PVE tidies whenever it writes the file: a volume that is attached again is not unused any more. */
export function tidy(guest: Guest): void {
  // Perl takes a text `0` for none.
  if (['', '0'].includes(guest.config.get('description') ?? '')) guest.config.delete('description')
  const used = new Set<string>()
  for (const section of [guest.config, guest.pending]) {
    for (const [key, value] of section) {
      if (!isDriveKey(key)) continue
      const volume = volumeOf(parseDrive(key, value))
      if (volume !== undefined) used.add(volume)
    }
  }
  for (const [key, value] of guest.config) if (key.startsWith('unused') && used.has(value)) guest.config.delete(key)
}

/** Whether the volume belongs to this guest by its name. */
export function isOwner(world: World, vmid: number, volid: string): boolean {
  const parts = splitVolid(volid)
  return parts !== undefined && factsOfName(parts.name, world.storage.isFileBased(parts.storage))?.vmid === vmid
}

/** Gives a detached volume the lowest free `unusedN` (PVE::AbstractConfig add_unused_volume). */
export function addUnused(guest: Guest, volid: string): void {
  let free: string | undefined
  for (let n = maxUnused - 1; n >= 0; n--) {
    const key = `unused${n}`
    const value = guest.config.get(key)
    if (value === volid) return
    if (value === undefined) free = key
  }
  if (free === undefined) refuse('Too many unused volumes - please delete them first.')
  guest.config.set(free, volid)
}

/** A drive leaves its key: the cloud-init drive is freed at once, a disk becomes unused (vmconfig_register_unused_drive). */
export function registerUnused(world: World, guest: Guest, key: string, text: string): void {
  const drive = parseDrive(key, text)
  if (!drive) return
  const volid = volumeOf(drive)
  if (isCloudInit(drive)) {
    const volume = volid === undefined ? undefined : world.storage.find(volid, guest.node)
    if (volume) world.storage.remove(volume)
    guest.generated = undefined
    guest.cloudInitChanges = noChanges()
  } else if (!isCdrom(drive) && volid !== undefined && isOwner(world, guest.vmid, volid)) addUnused(guest, volid)
}

/** Whether the volume is named by the config, its pending part or a snapshot, apart from one key. */
export function isReferenced(guest: Guest, volid: string, except: string): boolean {
  const names = (key: string, value: string) =>
    key !== except && (isDriveKey(key) || key.startsWith('unused')) && value.split(',')[0] === volid
  for (const section of [guest.config, guest.pending]) for (const [key, value] of section) if (names(key, value)) return true
  return isInSnapshot(guest, volid)
}

function isInSnapshot(guest: Guest, volid: string): boolean {
  for (const snapshot of guest.snapshots.values()) {
    for (const [key, value] of snapshot.config) if (isDriveKey(key) && value.split(',')[0] === volid) return true
  }
  return false
}
