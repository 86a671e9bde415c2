import { isCloudInit, isDriveKey, parseDrive } from './drive.ts'
import type { Guest, Section } from './guest.ts'
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

/** Writes the drive anew from the config as it is now. */
export function regenerate(guest: Guest): void {
  if (cloudInitKey(guest.config) === undefined) {
    guest.generated = undefined
    return
  }
  guest.generated = new Map([...guest.config].filter(([key]) => isOnDrive(key)))
}
