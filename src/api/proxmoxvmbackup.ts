import * as z from 'zod'
import { backupMode, backupNotes } from './backups.ts'
import { nameReference, pveName, rule, statusText, time } from './fields.ts'
import { conditions, type KubeObject, observedGeneration } from './object.ts'

const fixed = rule('self == oldSelf', 'a backup is made once; create another ProxmoxVMBackup')

export const proxmoxVMBackupSpec = z
  .object({
    vmRef: nameReference('ProxmoxVM', 'The VM, in the namespace of the backup. Set once.', fixed),
    storage: pveName(
      100,
      'pbs',
      'Storage of PVE the backup goes to. Default: backups.storage of the package, else the only storage of the node that allows backups. Set once.',
    ).exactOptional(),
    mode: backupMode
      .exactOptional()
      .describe(
        'Snapshot: the guest keeps running. Suspend: PVE suspends it for a moment. Stop: PVE shuts it down and starts it again while it writes the backup. Default: backups.mode of the package, else Snapshot. Set once.',
      ),
    notes: backupNotes(
      'Text beside the backup in PVE, before the line of the operator. Default: that of the package, else the name of the VM. Set once.',
    ).exactOptional(),
    protected: z
      .boolean()
      .exactOptional()
      .describe(
        'true: PVE protects the file from being deleted, by its own retention and by the operator. Can be changed. Absent = as it is in PVE.',
      ),
    deletionPolicy: z
      .enum(['Keep', 'Delete'])
      .default('Keep')
      .describe('What deleting this object does to its file. Keep: nothing. Delete: the file is deleted, unless it is protected.'),
  })
  .meta({
    description: 'Which VM is backed up, where to and how. Only protected and deletionPolicy can be changed.',
    ...rule(
      'has(self.storage) == has(oldSelf.storage) && has(self.mode) == has(oldSelf.mode) && has(self.notes) == has(oldSelf.notes) && (!has(self.storage) || self.storage == oldSelf.storage) && (!has(self.mode) || self.mode == oldSelf.mode) && (!has(self.notes) || self.notes == oldSelf.notes)',
      'storage, mode and notes: a backup is made once; create another ProxmoxVMBackup',
    ),
  })
/** The spec as people write it; the API server fills in `deletionPolicy`. */
export type ProxmoxVMBackupSpec = Omit<z.infer<typeof proxmoxVMBackupSpec>, 'deletionPolicy'> & { deletionPolicy?: 'Keep' | 'Delete' }

export const proxmoxVMBackupStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    phase: statusText(64, 'The backup in one word: Pending, Running, Succeeded, Failed. Derived, for people.'),
    origin: statusText(16, 'Who asked for it: Manual (a person or a program) or Schedule (the schedule of the package).'),
    volume: statusText(512, 'The file in PVE: storage, and its name there.'),
    storage: statusText(100, 'Storage it is on.'),
    size: statusText(
      32,
      'Size of the file as the storage counts it, such as 12Gi. On a backup server: of the guest, before duplicates are left out.',
    ),
    createdAt: time('When PVE began to make it, by its own clock.').exactOptional(),
    protected: z.boolean().exactOptional().describe('true: PVE protects the file from being deleted.'),
    verified: statusText(16, 'What the last verification on the backup server found: ok or failed. Absent = not verified.'),
    encrypted: z.boolean().exactOptional().describe('true: the file is encrypted.'),
    expiresAt: time('When retention will probably delete it. Absent = it is kept.').exactOptional(),
    vmUID: statusText(64, 'UID of the ProxmoxVM it is of: one of the same name made later is another.'),
    vmid: z.int().exactOptional().describe('VMID of the VM in PVE.'),
    cluster: statusText(253, 'ProxmoxCluster the file is in.'),
    node: statusText(63, 'Node of PVE that made it.'),
    requestedAt: time(
      'When PVE was about to be asked, by its clock, written before. After a restart the operator looks up the result and does not ask again.',
    ).exactOptional(),
    upid: statusText(256, 'The PVE task that makes it (UPID).'),
    finishedAt: time('When it was made, or failed.').exactOptional(),
    conditions: conditions.exactOptional(),
  })
  .describe('The result. Written by the operator.')
/** The status as the engine writes it. */
export type ProxmoxVMBackupStatus = z.infer<typeof proxmoxVMBackupStatus>

/** One backup of one VM, made once. */
export interface ProxmoxVMBackup extends KubeObject {
  spec: ProxmoxVMBackupSpec
  status?: ProxmoxVMBackupStatus
}
