/** What the status of a ProxmoxVM says of the backup files that PVE has of it, whoever made them. */
import * as z from 'zod'
import { atomic, statusText, time } from './fields.ts'

const file = z.object({
  volume: z.string().max(512).describe('The file: storage, and its name there.'),
  storage: z.string().max(100).describe('Storage it is on.'),
  node: statusText(63, 'Node of the local storage it is on. Absent = every node reaches the storage.'),
  createdAt: time('When PVE began the backup.'),
  size: statusText(32, 'Size of the file.'),
  protected: z.boolean().exactOptional().describe('true: PVE protects it from being deleted.'),
  verified: statusText(16, 'What the last verification on the backup server found: ok or failed.'),
  encrypted: z.boolean().exactOptional().describe('true: it is encrypted.'),
  notes: statusText(256, 'Notes in PVE, cut.'),
  backup: statusText(253, 'Name of its ProxmoxVMBackup. Absent = somebody else made the file.'),
  expiresAt: time('When retention will probably delete it.').exactOptional(),
})
export type BackupFile = z.infer<typeof file>

export const mostBackupFiles = 64

export const backupsStatus = z.object({
  count: z.int().describe('Backup files of this VM that PVE lists, whoever made them.'),
  newest: time('When the newest was begun.').exactOptional(),
  oldest: time('When the oldest was begun.').exactOptional(),
  failedSince: time('Since when the backups of the schedule fail or are missed. Absent = they succeed.').exactOptional(),
  unseen: statusText(1024, 'Storages that the operator could not read; the figures lack their files.'),
  listedFor: statusText(128, 'The value of the annotation pve.hosting/list-backups that `files` answers.'),
  listedAt: time('When `files` was read.').exactOptional(),
  files: z
    .array(file)
    .max(mostBackupFiles)
    .exactOptional()
    .meta({
      description: 'The newest files, as they were at listedAt. Only present after `kubectl pve backups` asked for them.',
      ...atomic,
    }),
})
