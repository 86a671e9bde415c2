/** The configuration of the guest in a backup, as `extractconfig` gives it out (pure). */
import type { VmConfig } from '../../proxmox/answers.ts'
import { diskSizeMiB, isCdrom, isDriveKey, parseDrive, storageOf } from '../../proxmox/property-string.ts'

export interface BackupDisk {
  readonly key: string
  readonly storage: string
  readonly sizeMiB: number
}

export interface BackupConfig {
  readonly values: VmConfig
  /** What PVE allocates, on the storages where the disks were. */
  readonly disks: readonly BackupDisk[]
}

/** Lines of the guest itself, without those of its snapshots; `#qmdump#map:KEY:DEVICE:STORAGE:FORMAT:` says where a disk was. */
export function parseBackupConfig(text: string): BackupConfig {
  const storages = new Map<string, string>()
  const values: Record<string, string> = {}
  let isOwn = true
  for (const line of text.split('\n')) {
    const [, key, storage] = /^#qmdump#map:([^:]+):[^:]*:([^:]*):/.exec(line) ?? []
    if (key !== undefined && storage) storages.set(key, storage)
    if (line.startsWith('[')) isOwn = false
    const [, name, value] = /^([a-z][a-z_]*\d*):\s*(.*?)\s*$/.exec(line) ?? []
    if (isOwn && name !== undefined && value !== undefined) values[name] = value
  }
  const disks = Object.entries(values).flatMap(([key, value]): BackupDisk[] => {
    if (!isDriveKey(key) && !/^(efidisk|tpmstate)0$/.test(key)) return []
    const drive = parseDrive(value)
    if (isCdrom(drive) || drive.options.get('backup') === '0') return []
    return [
      { key, storage: storages.get(key) ?? storageOf(drive.volume) ?? '', sizeMiB: Math.ceil(diskSizeMiB(drive.options.get('size')) ?? 0) },
    ]
  })
  return { values: { ...values, digest: '' }, disks }
}

/** MiB that the disks need, by storage. */
export function sizesByStorage(disks: readonly BackupDisk[]): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { storage, sizeMiB } of disks) sizes.set(storage, (sizes.get(storage) ?? 0) + sizeMiB)
  return sizes
}
