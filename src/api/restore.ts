/** The wish to have a VM back from a backup, and what the status says of it. */
import * as z from 'zod'
import { backupRef } from './backup-ref.ts'
import { atomic, line, statusText, time } from './fields.ts'

export const restoreWish = z.object({
  requestID: line(
    128,
    'An ID of your own, such as a date. A new one restores once; one among the last 20 done (status.restore.completedIDs) never runs again, an empty one does nothing, and one that exists when the object is created counts as done.',
  ),
  backupRef: backupRef({
    description: 'The backup: one of name and volume.',
    name: 'Name of a ProxmoxVMBackup of this VM, in the namespace of the VM.',
    volume:
      'A file that PVE lists for this VM, as `kubectl pve backups` shows it. It must be no older than the VM, or its notes must name the VM.',
  }),
  dropFirst: z
    .boolean()
    .exactOptional()
    .describe(
      'true: room that the present disks of the VM take up counts as free, since PVE deletes them before it reads the backup. Absent or false: the disks of the backup must fit beside them.',
    ),
})

export const restoreStatus = z.object({
  completedIDs: z
    .array(z.string().max(128))
    .max(20)
    .meta({ description: 'The last 20 request IDs that are done, oldest first; none of them runs again.', ...atomic }),
  running: z
    .object({
      requestID: z.string().max(128).describe('The current request.'),
      volume: z.string().max(512).describe('The file the VM is made from.'),
      node: z.string().max(63).describe('Node of PVE that does it.'),
      since: time('When it began.'),
      askedAt: time(
        'When PVE was about to be asked, by its clock. Absent = nothing is deleted yet, and a newer requestID or a removed spec.restore takes the place of this request.',
      ).exactOptional(),
      force: z.boolean().exactOptional().describe('true: there was a VM, whose disks PVE deletes first.'),
      upid: statusText(256, 'The PVE task that does it (UPID).'),
      unprotect: z
        .boolean()
        .exactOptional()
        .describe('true: the file was not protected before; it is protected until the restore has ended well.'),
      formerFiles: z
        .array(z.object({ volume: z.string().max(512).describe('The file.'), node: z.string().max(63).describe('Node that reaches it.') }))
        .max(20)
        .exactOptional()
        .meta({ description: 'Files of attempts before, which stay protected as well until the restore has ended well.', ...atomic }),
      attempts: z.int().exactOptional().describe('Failed attempts so far.'),
      lastError: statusText(1024, 'Why the last attempt failed: the message of PVE.'),
      isDiskless: z
        .boolean()
        .exactOptional()
        .describe('true: an attempt failed after PVE had deleted the disks. The file is the only copy, and the VM is not started.'),
      restoredAt: time('When the VM was there again. From then on it is brought to its package and addresses.').exactOptional(),
      markedAt: time('When its description had the owner line of the object again.').exactOptional(),
    })
    .exactOptional()
    .describe('The restore under way, written before anything is deleted. Absent = none.'),
})
export type RunningRestore = NonNullable<z.infer<typeof restoreStatus>['running']>
