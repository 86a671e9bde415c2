import type { World } from '../world/world.ts'
import { isCdrom, isDriveKey, parseDrive, volumeOf } from './drive.ts'
import type { Guest } from './guest.ts'
import { isOwner, isReferenced, registerUnused, tidy } from './write.ts'
import { refuse } from '../http/refusal.ts'
import type { Identity } from '../access/identity.ts'
import { regenerate } from './cloudinit.ts'
import { isCloudInit } from './drive.ts'

/** Whose rights count when a volume is freed on the way; undefined for PVE itself (start, stop). */
export type Actor = Identity | undefined

/** Drops pending entries that change nothing (PVE::AbstractConfig cleanup_pending). */
export function cleanupPending(guest: Guest): void {
  for (const [key, value] of guest.pending) if (guest.config.get(key) === value) guest.pending.delete(key)
  for (const key of guest.deletions.keys()) if (!guest.config.has(key)) guest.deletions.delete(key)
  for (const key of guest.deletions.keys()) guest.pending.delete(key)
}

/** Frees a disk that leaves for good, or keeps it as unused (vmconfig_delete_or_detach_drive). */
export function deleteOrDetach(world: World, guest: Guest, key: string, force: boolean, actor: Actor): void {
  const text = guest.config.get(key) ?? ''
  const drive = parseDrive(key, text)
  if (!drive) return
  if (!force) {
    registerUnused(world, guest, key, text)
    return
  }
  if (actor) world.access.check(actor, `/vms/${guest.vmid}`, ['VM.Config.Disk'])
  if (isCdrom(drive)) {
    registerUnused(world, guest, key, text)
    return
  }
  freeVolume(world, guest, key, volumeOf(drive), actor)
}

/** Removes a volume from its storage if it is this guest's (try_deallocate_drive). */
export function freeVolume(world: World, guest: Guest, key: string, volid: string | undefined, actor: Actor): void {
  if (volid === undefined || !isOwner(world, guest.vmid, volid)) return
  if (actor) world.access.check(actor, `/storage/${volid.split(':')[0]}`, ['Datastore.AllocateSpace'])
  if (isReferenced(guest, volid, key)) refuse(`unable to delete '${volid}' - volume is still in use (snapshot?)`)
  const volume = world.storage.find(volid, guest.node)
  if (volume) world.storage.remove(volume)
}

/** Applies everything that waits, as on a stopped guest; failures stay pending and are returned (vmconfig_apply_pending). */
export function applyPending(world: World, guest: Guest, actor: Actor): Record<string, string> {
  const errors: Record<string, string> = {}
  const attempt = (key: string, work: () => void): boolean => {
    try {
      work()
      return true
    } catch (fault) {
      errors[key] = `unable to apply pending change ${key} : ${fault instanceof Error ? fault.message : String(fault)}\n`
      return false
    }
  }
  for (const [key, force] of [...guest.deletions].toSorted(([a], [b]) => a.localeCompare(b))) {
    const done = attempt(key, () => {
      if (guest.config.has(key) && isDriveKey(key)) deleteOrDetach(world, guest, key, force, actor)
    })
    if (!done) continue
    guest.deletions.delete(key)
    guest.config.delete(key)
  }
  cleanupPending(guest)
  let newDrive = false
  for (const [key, value] of guest.pending) {
    const old = guest.config.get(key)
    const done = attempt(key, () => {
      if (old !== undefined && isDriveKey(key)) registerUnused(world, guest, key, old)
    })
    if (!done) continue
    const drive = isDriveKey(key) ? parseDrive(key, value) : undefined
    if (drive && isCloudInit(drive)) newDrive = true
    guest.config.set(key, value)
    guest.pending.delete(key)
  }
  tidy(guest)
  if (newDrive) regenerate(guest)
  return errors
}
