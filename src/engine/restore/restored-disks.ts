/** Which disk is which after a restore into the place of a VM (pure). */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { formatSize } from '../../api/size.ts'
import { templateFactsOf } from '../../cluster/template-facts.ts'
import type { VmConfig } from '../../proxmox/answers.ts'
import { diskSizeMiB, parseDrive } from '../../proxmox/property-string.ts'

type Disks = NonNullable<ProxmoxVMStatus['disks']>

export interface RestoredDisks {
  readonly disks: Disks
  /** Newer than the backup: PVE has left each as an unused disk, and the ladder attaches it again by its volume. */
  readonly attachedAgain: readonly string[]
  /** Volumes of nobody of ours that PVE has left unused. */
  readonly unused: readonly string[]
}

/** Those of before that the file has too, in their slots; the system disk is the one it starts from. `config`: after the restore. */
export function restoredDisks(before: Disks, config: VmConfig): RestoredDisks {
  const system = templateFactsOf({ node: '', vmid: 0 }, config).systemDisk?.key ?? ''
  const others = before.filter(({ name, key }) => name !== 'system' && key !== system)
  const unused = Object.entries(config).flatMap(([key, value]) => (/^unused\d+$/.test(key) ? [parseDrive(String(value)).volume] : []))
  const inFile = [{ name: 'system', key: system }, ...others.filter(({ key }) => config[key] !== undefined)].map((disk) => {
    const drive = parseDrive(String(config[disk.key] ?? ''))
    const sizeMiB = diskSizeMiB(drive.options.get('size'))
    return { ...disk, volume: drive.volume, ...(sizeMiB !== undefined && { size: formatSize(Math.round(sizeMiB)) }) }
  })
  const newer = others.filter(({ key, volume }) => config[key] === undefined && volume !== undefined && unused.includes(volume))
  const ours = new Set(newer.map(({ volume }) => volume))
  return {
    disks: [...inFile, ...newer],
    attachedAgain: newer.map(({ name }) => name),
    unused: unused.filter((volume) => !ours.has(volume)),
  }
}

/** What history says of a restore that ended well. */
export function restoredSentence(file: string, { attachedAgain, unused }: RestoredDisks): string {
  return [
    `from ${file}`,
    ...(attachedAgain.length > 0 ? [`newer than the backup, attached again with their data: ${attachedAgain.join(', ')}`] : []),
    ...(unused.length > 0 ? [`newer than the backup, left as unused disks: ${unused.join(', ')}`] : []),
  ].join('; ')
}
