/** Why a snapshot is not taken: what the package of the VM allows, and what PVE can do (pure). */
import type { Package } from '../api/package.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { isCdrom, isDriveKey, parseDrive, storageOf } from '../proxmox/property-string.ts'
import { needsQcow2 } from '../want/directory-storage.ts'
import { takesPlace } from './life.ts'

/** The sentence to show to a customer; undefined: the package allows it. `others`: the further snapshots of the VM. */
export function quotaObjection(
  { snapshots: quota }: Pick<Package, 'snapshots'>,
  snapshot: ProxmoxVMSnapshot,
  others: readonly ProxmoxVMSnapshot[],
): string | undefined {
  const kept = others.filter(takesPlace)
  if (quota?.max === 0) return 'The package of this server does not include snapshots.'
  if (quota?.max !== undefined && kept.length >= quota.max) {
    const names = kept.map(({ metadata }) => metadata.name).join(', ')
    return `This server may have ${counted(quota.max)} and has ${kept.length}: ${names}. Delete one to make room.`
  }
  const { ttl } = snapshot.spec
  if (ttl === undefined || quota?.lifetime === undefined || parseDurationSeconds(ttl) <= parseDurationSeconds(quota.lifetime))
    return undefined
  return `Snapshots of this server are kept for at most ${quota.lifetime}, and ttl is ${ttl}: write ttl: ${quota.lifetime} or less.`
}

const counted = (max: number): string => (max === 1 ? '1 snapshot' : `${max} snapshots`)

/** How long it is kept, in seconds; undefined: until somebody deletes it. */
export function keptSeconds({ snapshots: quota }: Pick<Package, 'snapshots'>, { spec }: ProxmoxVMSnapshot): number | undefined {
  const all = [spec.ttl, quota?.lifetime].flatMap((text) => (text === undefined ? [] : [parseDurationSeconds(text)]))
  return all.length === 0 ? undefined : Math.min(...all)
}

/** Storages whose plugin takes no snapshots of any format (pve-storage, `volume_has_feature`). */
const withoutSnapshots: ReadonlySet<string> = new Set(['lvm', 'iscsi', 'iscsidirect', 'esxi'])

/** Why PVE says that the VM cannot be snapshotted: its disks that are in the way, by name. `typeOf`: PVE's plugin type of a storage. */
export function unsupportedSentence(values: Readonly<Record<string, string>>, typeOf: (storage: string) => string | undefined): string {
  const drives = Object.entries(values).filter(([key, value]) => isDisk(key, value))
  const guilty = drives.flatMap(([key, value]) => {
    const { volume, options } = parseDrive(value)
    const storage = storageOf(volume) ?? ''
    const type = typeOf(storage)
    if (withoutSnapshots.has(type ?? '')) return [`${key} lies on storage ${storage} (${type}), which does not support snapshots`]
    const isQcow2 = volume.endsWith('.qcow2') || options.get('format') === 'qcow2'
    return needsQcow2(type) && !isQcow2
      ? [`${key} is a raw file on storage ${storage} (${type}), where only qcow2 files support snapshots`]
      : []
  })
  const why =
    guilty.length > 0
      ? guilty.join('; ')
      : `one of ${drives.map(([key]) => key).join(', ')} is on a storage that does not support snapshots`
  return `PVE cannot take a snapshot of this VM: ${why}. An admin must move the disk to another storage or format.`
}

const isDisk = (key: string, value: string): boolean =>
  /^(efidisk|tpmstate)\d+$/.test(key) || (isDriveKey(key) && !isCdrom(parseDrive(value)))
