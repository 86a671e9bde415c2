import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { Backup } from '../../proxmox/answers.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { backupStorages } from '../../cluster/facts.ts'

export interface FoundBackup extends Backup {
  readonly node: string
  readonly storage: string
}

export type BackupSearch =
  | { readonly is: 'found'; readonly backup: FoundBackup }
  | { readonly is: 'none' }
  /** An empty list proves nothing without the privileges to see backups. */
  | { readonly is: 'unseen'; readonly why: string }

/** PVE itself waits this long for the deletion of a backup before it answers with a task. */
const deleteDelaySeconds = 20

/** The next backup of this VM: made since its clone, since a VMID is used again and a former holder's backups match by number. */
export async function nextBackup(cluster: PveCluster, status: ProxmoxVMStatus): Promise<BackupSearch> {
  const { missingPrivileges = [], missingOptional = [] } = cluster.facts() ?? {}
  const unseen = [...missingPrivileges, ...missingOptional].find(
    ({ privilege }) => privilege === 'VM.Backup' || privilege === 'Datastore.AllocateSpace',
  )
  if (unseen)
    return {
      is: 'unseen',
      why: `The token lacks ${unseen.privilege} on ${unseen.path}, so backups of VM ${status.vmid} cannot be seen; grant it, then the VM is taken down.`,
    }
  const listing = cluster.inventory.current()
  if (!listing) return { is: 'unseen', why: 'The storages of PVE have not been listed yet.' }
  const sinceSeconds = Math.floor(clonedMs(cluster, status) / 1000)
  for (const { storage, node } of backupStorages(listing)) {
    const backups = await cluster.pve.backups(node, storage, status.vmid ?? 0)
    const backup = backups.find(({ ctime }) => ctime >= sinceSeconds)
    if (backup) return { is: 'found', backup: { ...backup, node, storage } }
  }
  return { is: 'none' }
}

/** By PVE's clock, as the times of backups are: of the clone, or where its receipt was lost of the intent. */
const clonedMs = ({ clockSkewMs }: PveCluster, { clonedAt, intentAt }: ProxmoxVMStatus): number =>
  clonedAt ? Date.parse(clonedAt) : Date.parse(intentAt ?? '') + clockSkewMs

/** The UPID of the task that deletes it; undefined: it is gone. */
export async function deleteBackup(cluster: PveCluster, { node, storage, volid, isProtected }: FoundBackup): Promise<string | undefined> {
  if (isProtected) await cluster.pve.unprotectBackup(node, storage, volid)
  return await cluster.pve.deleteBackup(node, storage, volid, deleteDelaySeconds)
}
