/** What a package says of backups, and how a backup is made: shared by packages and ProxmoxVMBackups. */
import * as z from 'zod'
import { limit, line, pveName, rule } from './fields.ts'

export const backupMode = z.enum(['Snapshot', 'Suspend', 'Stop'])

/** Notes stand in PVE on one line, and `{{…}}` and a backslash mean something of their own there. */
export const backupNotes = (description: string) =>
  line(256, description).meta({
    description,
    ...rule(
      "!self.matches('[\\\\x00-\\\\x1f\\\\x7f]') && !self.contains('{{') && !self.contains('\\\\') && !self.contains('pve.hosting/')",
      'notes: write one line without backslashes, without {{ and without pve.hosting/',
    ),
  })

export const packageBackups = z
  .object({
    storage: pveName(
      100,
      'pbs',
      'Storage of PVE that backups go to. Default: the only storage of the node that takes backups.',
    ).exactOptional(),
    mode: backupMode
      .exactOptional()
      .describe(
        'Snapshot (default): the guest goes on running. Suspend: it is suspended for a moment. Stop: it is shut down, and started again while the backup is being written.',
      ),
    max: limit(
      1000,
      'Backups a VM may have (ProxmoxVMBackup objects; those that failed do not count). Absent = as many as you like, 0 = none.',
    ),
    notes: backupNotes('Text that stands in PVE beside each backup, before our mark. Absent = the name of the VM.').exactOptional(),
  })
  .describe('Backups of the VM: where they go, and how many there may be. Absent = backups are made only by ProxmoxVMBackup objects.')
