/** The backups of a VM that goes: those made since its clone, wherever PVE may keep them, and where nobody can look. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { isBackupOf } from '../../ladder/backup-mark.ts'
import type { BackupsSeen } from '../../ladder/removal.ts'
import type { Listing, StorageRow } from '../../proxmox/listing.ts'
import type { Backup } from '../../proxmox/answers.ts'
import { judge } from '../../proxmox/failures.ts'
import type { PveCluster } from '../../cluster/cluster.ts'

/** A storage that takes backups, as one node sees it. */
export interface BackupPlace {
  readonly storage: string
  readonly node: string
  /** Every node reaches it. */
  readonly isShared: boolean
  /** Why it cannot be asked. */
  readonly isOff?: string
}

/** A backup file of the VM, and where it was seen. */
export interface FileSeen extends Backup {
  readonly storage: string
  readonly node: string
  /** Every node reaches its storage. */
  readonly isShared: boolean
}

export interface FilesSeen {
  readonly files: readonly FileSeen[]
  readonly unseen: readonly string[]
  readonly missingPrivilege?: string
}

/**
 * As `findFiles`, in the words of the ladder that deletes them. A node where the VM has not been since the background reading found none of
 * its files there is not asked again: a deletion costs no request for each node of a large cluster.
 */
export async function findBackups(cluster: PveCluster, status: ProxmoxVMStatus, uid: string): Promise<BackupsSeen> {
  const homes = homesOf(status)
  const isKnownEmpty = (place: BackupPlace) =>
    !place.isShared && !homes.has(place.node) && cluster.backupFiles.hasNone(place, status.vmid ?? 0)
  const { files, ...rest } = await findFiles(cluster, status, uid, isKnownEmpty)
  return { ...rest, found: files.map(({ storage, node, volid, isProtected }) => ({ storage, node, volid, isProtected })) }
}

/**
 * Never throws: what cannot be asked is named. An empty list proves nothing without the privileges to see backups, so then nobody is asked;
 * nor is a place that is left out.
 */
export async function findFiles(
  cluster: PveCluster,
  status: ProxmoxVMStatus,
  uid: string,
  isLeftOut: (place: BackupPlace) => boolean = () => false,
): Promise<FilesSeen> {
  const { missingPrivileges = [], missingOptional = [] } = cluster.facts() ?? {}
  const needed = ['VM.Backup', 'Datastore.AllocateSpace']
  const missing = [...missingPrivileges, ...missingOptional].find(({ privilege }) => needed.includes(privilege))
  if (missing) return { files: [], unseen: [], missingPrivilege: `${missing.privilege} on ${missing.path}` }
  const listing = cluster.inventory.current()
  if (!listing) return { files: [], unseen: ['all storages: the operator has not read their list yet'] }
  const files: FileSeen[] = []
  const unseen: string[] = []
  for (const place of backupPlaces(listing, status)) {
    if (place.isOff !== undefined) unseen.push(place.isOff)
    else if (!isLeftOut(place))
      await listFiles(cluster, status, uid, place).then(...into(files, unseen, `${place.storage} (on ${place.node})`))
  }
  return { files, unseen }
}

/** Collects what one storage answers, or why it does not. */
const into = (found: FileSeen[], unseen: string[], where: string) =>
  [
    (files: FileSeen[]) => void found.push(...files),
    (fault: unknown) => void unseen.push(`${where}: ${judge(fault).message.trim()}`),
  ] as const

async function listFiles(
  cluster: PveCluster,
  status: ProxmoxVMStatus,
  uid: string,
  { storage, node, isShared }: BackupPlace,
): Promise<FileSeen[]> {
  const sinceSeconds = madeSinceSeconds(cluster, status)
  const backups = await cluster.pve.backups(node, storage, status.vmid ?? 0)
  const uids = uidsOf(uid, status)
  return backups.filter((file) => isBackupOf(file, { uids, sinceSeconds })).map((file) => ({ ...file, storage, node, isShared }))
}

/**
 * A shared storage is asked once, by a node that reaches it. The own storage of a node has backups only of VMs that were on it, so one that
 * is off concerns nobody else.
 */
export function backupPlaces({ storages, nodes }: Listing, status: ProxmoxVMStatus): BackupPlace[] {
  const takesBackups = storages.filter((row) => row.content.includes('backup'))
  const isUp = (row: StorageRow) => row.available && nodes.get(row.node)?.online === true
  const shared = [...new Set(takesBackups.filter((row) => row.shared).map(({ storage }) => storage))].map((storage) => {
    const rows = takesBackups.filter((row) => row.storage === storage)
    const row = rows.find(isUp)
    return row
      ? { storage, node: row.node, isShared: true }
      : { storage, node: rows[0]?.node ?? '', isShared: true, isOff: `storage ${storage}: no node reaches it` }
  })
  const homes = homesOf(status)
  const own = takesBackups.flatMap((row): BackupPlace[] => {
    const { storage, node: at } = row
    if (row.shared || (!isUp(row) && !homes.has(at))) return []
    if (isUp(row)) return [{ storage, node: at, isShared: false }]
    const why = nodes.get(at)?.online === true ? 'the storage is not available' : 'the node is off'
    return [{ storage, node: at, isShared: false, isOff: `storage ${storage} of node ${at}: ${why}` }]
  })
  return [...shared, ...own]
}

/** As marks of its backups name the VM. What spec.adopt says to leave stays the former object's. */
export const uidsOf = (uid: string, { adoption }: ProxmoxVMStatus): string[] => {
  const { takenAt, fromUID, backups } = adoption ?? {}
  return takenAt === undefined || fromUID === undefined || backups === 'Leave' ? [uid] : [uid, fromUID]
}

/** The nodes where the VM is or was. */
const homesOf = ({ node, formerNodes }: ProxmoxVMStatus): Set<string> =>
  new Set([...(formerNodes ?? []), ...(node === undefined ? [] : [node])])

/** Seconds since the epoch by PVE's clock, as the times of backups are: of the clone, or where its receipt was lost of the intent. */
export const madeSinceSeconds = ({ clockSkewMs }: Pick<PveCluster, 'clockSkewMs'>, { clonedAt, intentAt }: ProxmoxVMStatus): number =>
  Math.floor((clonedAt ? Date.parse(clonedAt) : Date.parse(intentAt ?? '') + clockSkewMs) / 1000)
