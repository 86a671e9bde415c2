import { refuse } from '../http/refusal.ts'
import { splitVolid } from '../storage/volume.ts'
import type { World } from '../world/world.ts'
import { isCloudInit, isDriveKey, parseDrive } from './drive.ts'
import { type Guest, noChanges, type Section } from './guest.ts'
import { isCloudInitOption } from './permissions.ts'

/** Options that show on the drive: cloud-init's own, the name and the NICs. */
export function isOnDrive(key: string): boolean {
  return isCloudInitOption(key) || key === 'name' || /^net\d+$/.test(key)
}

/** The key of the cloud-init drive, if there is one. */
export function cloudInitKey(config: Section): string | undefined {
  for (const [key, value] of config) {
    const drive = isDriveKey(key) ? parseDrive(key, value) : undefined
    if (drive && isCloudInit(drive)) return key
  }
  return undefined
}

/** The custom snippets must be there when the drive is written. */
export function checkSnippets(world: World, node: string, guest: Guest): void {
  for (const key of ['cicustom', 'hookscript']) {
    for (const volid of (guest.config.get(key) ?? '').split(',').map((part) => part.replace(/^\w+=/, ''))) {
      if (splitVolid(volid) && !world.storage.find(volid, node)) refuse(`volume '${volid}' does not exist`)
    }
  }
}

/** Writes the drive anew from the config as it is now. */
export function regenerate(guest: Guest): void {
  guest.cloudInitChanges = noChanges()
  if (cloudInitKey(guest.config) === undefined) {
    guest.generated = undefined
    return
  }
  guest.generated = new Map([...guest.config].filter(([key]) => isOnDrive(key)))
}
