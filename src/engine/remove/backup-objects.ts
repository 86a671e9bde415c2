/** What becomes of the ProxmoxVMBackups of a VM that goes: they stay for files that stay. */
import { backupFinalizer } from '../../api/group.ts'
import { proxmoxVMBackups } from '../../api/meta.ts'
import type { ProxmoxVMBackup } from '../../api/proxmoxvmbackup.ts'
import type { ProxmoxVMSpec } from '../../api/proxmoxvm.ts'
import type { KubeClient } from '../../kube/client.ts'
import { isNotFound } from '../../kube/kube-error.ts'
import type { Pass } from '../pass.ts'

/** Whether the files of the VM go with it. */
export const deletesBackups = ({ deletionPolicy, backupsOnDelete }: Pick<ProxmoxVMSpec, 'deletionPolicy' | 'backupsOnDelete'>): boolean =>
  (deletionPolicy ?? 'Terminate') === 'Terminate' && backupsOnDelete !== 'Keep'

/** `hasFiles`: files were left in PVE, and their objects stay with them. */
export async function deleteBackupObjects({ deps, key, draft }: Pass, { hasFiles }: { hasFiles: boolean }): Promise<void> {
  const { uid } = draft.vm.metadata
  for (const backup of deps.backupsOf(key)) {
    const { vmUID, volume } = backup.status ?? {}
    if (vmUID !== undefined && vmUID !== uid) continue
    if (!hasFiles || volume === undefined) await deleteObject(deps.client, backup)
  }
}

/** Its file is proved to be gone, or there is none: nothing in PVE is looked at for it any more. */
async function deleteObject(client: KubeClient, { metadata }: ProxmoxVMBackup): Promise<void> {
  const at = { namespace: metadata.namespace ?? '', name: metadata.name }
  try {
    const others = (metadata.finalizers ?? []).filter((each) => each !== backupFinalizer)
    if (others.length !== (metadata.finalizers ?? []).length)
      await client.mergePatch(proxmoxVMBackups, at, { metadata: { uid: metadata.uid, finalizers: others } })
    await client.delete(proxmoxVMBackups, at, metadata.uid === undefined ? {} : { uid: metadata.uid })
  } catch (fault) {
    if (!isNotFound(fault)) throw fault
  }
}
