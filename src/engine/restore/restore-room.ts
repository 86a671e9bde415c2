/** Whether the disks of a backup have a place on the node (pure). */
import { parseSizeMiB } from '../../api/size.ts'
import { type Obstacle, stalled, wait } from '../../ladder/outcome.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { type BackupConfig, sizesByStorage } from './backup-config.ts'

const bytesPerMiB = 1024 * 1024

/** PVE puts each disk where it was. Without `dropFirst` it must fit beside the present ones. */
export function roomFor(
  { vm, status }: Pick<VMStatusDraft, 'vm' | 'status'>,
  { storages }: Pick<Listing, 'storages'>,
  node: string,
  { disks }: Pick<BackupConfig, 'disks'>,
): Obstacle | undefined {
  const rows = storages.filter((row) => row.node === node)
  const isDropped = vm.spec.restore?.dropFirst === true
  for (const [storage, neededMiB] of sizesByStorage(disks)) {
    const row = rows.find((each) => each.storage === storage)
    const there = rows.flatMap((each) => (each.content.includes('images') ? [each.storage] : [])).toSorted()
    if (!row?.content.includes('images'))
      return stalled(
        'StorageNotFound',
        `The backup has disks on storage "${storage}", ${row ? `which takes no disks of VMs on node ${node}` : `which node ${node} does not have`}; there are ${there.join(', ') || 'none'}. An admin adds the storage to the node, or write another backup into spec.restore.backupRef.`,
      )
    if (!row.available) return wait('StorageOff', `Storage "${storage}" for the disks of the backup is not available on node ${node}.`)
    const freeMiB = Math.floor((row.totalBytes - row.usedBytes) / bytesPerMiB)
    const presentMiB = presentOn(status.disks ?? [], storage)
    if (neededMiB <= freeMiB + (isDropped ? presentMiB : 0)) continue
    const remedy =
      !isDropped && neededMiB <= freeMiB + presentMiB
        ? ' With spec.restore.dropFirst: true the space of the present disks counts as well, but they are lost even if the restore fails.'
        : ''
    return stalled(
      'NoCapacity',
      `Storage ${storage} on node ${node} has ${freeMiB} MiB free, and the disks of the backup need ${neededMiB} MiB.${remedy}`,
    )
  }
  return undefined
}

const presentOn = (disks: readonly { readonly volume?: string; readonly size?: string }[], storage: string): number =>
  disks.filter(({ volume }) => storageOf(volume ?? '') === storage).reduce((sum, { size }) => sum + (size ? parseSizeMiB(size) : 0), 0)
