import type { At, VmConfig } from '../proxmox/answers.ts'
import { diskSizeMiB, type Drive, isCdrom, isCloudInit, isDriveKey, parseDrive, storageOf } from '../proxmox/property-string.ts'
import type { StorageRow } from '../proxmox/listing.ts'

export interface TemplateDisk {
  /** `scsi0`. */
  readonly key: string
  readonly volume: string
  readonly storage: string
  /** As the config says; PVE corrects it at the clone. */
  readonly sizeMiB: number
}

/** What a template's own config says about the machines that will be cloned from it. */
export interface TemplateFacts extends At {
  readonly name?: string
  /** Disks in the order of their keys, CD-ROMs and the cloud-init drive left out. */
  readonly disks: readonly TemplateDisk[]
  /** The first disk of the boot order; without one in it, the first disk. Absent: the template has no disk. */
  readonly systemDisk?: TemplateDisk
  /** Key of the cloud-init drive, `ide2`. */
  readonly cloudInitKey?: string
  /** Storages of everything that has a volume: with all of them shared, PVE clones to any node. */
  readonly storages: readonly string[]
  readonly bootOrder: readonly string[]
  readonly config: VmConfig
}

/** PVE: only a guest whose own config says `template: 1` is one; tags and names can sit on a customer's VM. */
export const isTemplate = (config: VmConfig): boolean => String(config['template'] ?? '0') === '1'

export function templateFactsOf(at: At, config: VmConfig): TemplateFacts {
  const drives = Object.entries(config)
    .filter((entry): entry is [string, string] => isDriveKey(entry[0]) && typeof entry[1] === 'string')
    .map(([key, value]) => ({ key, drive: parseDrive(value) }))
    .toSorted((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }))
  const disks = drives.filter(({ drive }) => !isCdrom(drive)).map(({ key, drive }) => diskOf(key, drive))
  const bootOrder = bootOrderOf(config)
  const systemDisk = bootOrder.map((key) => disks.find((disk) => disk.key === key)).find((disk) => disk !== undefined) ?? disks[0]
  const cloudInitKey = drives.find(({ drive }) => isCloudInit(drive))?.key
  const volumes = [...drives.map(({ drive }) => drive.volume), ...stateVolumes(config)]
  const storages = new Set(volumes.map(storageOf).filter((storage) => storage !== undefined))
  const name = config['name']
  return {
    node: at.node,
    vmid: at.vmid,
    ...(name !== undefined && { name: String(name) }),
    disks,
    ...(systemDisk !== undefined && { systemDisk }),
    ...(cloudInitKey !== undefined && { cloudInitKey }),
    storages: [...storages],
    bootOrder,
    config,
  }
}

const diskOf = (key: string, drive: Drive): TemplateDisk => ({
  key,
  volume: drive.volume,
  storage: storageOf(drive.volume) ?? '',
  sizeMiB: diskSizeMiB(drive.options.get('size')) ?? 0,
})

const stateVolumes = (config: VmConfig): string[] =>
  ['efidisk0', 'tpmstate0'].flatMap((key) => (config[key] === undefined ? [] : [parseDrive(String(config[key])).volume]))

/** `order=scsi0;ide2;net0`; before PVE 6.3 `boot: cdn` with `bootdisk: scsi0`, and both spellings still parse (qemu-server). */
export function bootOrderOf(config: VmConfig): string[] {
  const boot = String(config['boot'] ?? '').trim()
  const order = /(?:^|,)order=([^,]*)/.exec(boot)?.[1]
  if (order !== undefined) return order.split(';').filter((key) => key !== '')
  return config['bootdisk'] === undefined ? [] : [String(config['bootdisk'])]
}

/** Whether every volume is on storage that the other nodes see too: then PVE can put the clone on another node. */
export function isOnSharedStorage(facts: TemplateFacts, storages: readonly StorageRow[]): boolean {
  return facts.storages.every((name) => storages.some((row) => row.storage === name && row.shared))
}
