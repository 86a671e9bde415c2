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

const kept = (description: string) => z.int().min(0).max(1000).exactOptional().describe(`${description} 0 or absent = none by this rule.`)

export const packageBackups = z
  .object({
    storage: pveName(
      100,
      'pbs',
      'Storage of PVE that backups go to. Default: the only storage of the node that takes backups.',
    ).exactOptional(),
    schedule: z
      .string()
      .min(1)
      .max(64)
      .exactOptional()
      .describe(
        'When backups are made by themselves, in UTC, as cron has it: minute, hour, day of month, month, day of week, such as "30 2 * * *". Absent = only when somebody asks.',
      ),
    spread: z
      .string()
      .max(32)
      .exactOptional()
      .meta({
        description:
          'Each VM has its turn within this long after the time of the schedule, always at the same moment, so that a fleet does not start at once. Default 1h.',
        ...rule(
          "self.matches('^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$') && duration(self) >= duration('0s')",
          'write a duration of at least 0s, such as 2h',
        ),
      }),
    keep: z
      .object({
        last: kept('The newest ones, whenever they were made.'),
        daily: kept('The newest of each of so many days.'),
        weekly: kept('The newest of each of so many weeks, Monday to Sunday.'),
        monthly: kept('The newest of each of so many months.'),
      })
      .exactOptional()
      .describe(
        'Which backups of the schedule stay, counted as PVE counts: each rule adds to those before it. The others are deleted after the next one is made, unless they are protected. Backups that people asked for, and files that others made, do not count and are never deleted by it. Absent = all stay.',
      ),
    mode: backupMode
      .exactOptional()
      .describe(
        'Snapshot (default): the guest goes on running. Suspend: it is suspended for a moment. Stop: it is shut down, and started again while the backup is being written.',
      ),
    max: limit(
      1000,
      'Backups a VM may have (ProxmoxVMBackup objects; those that failed do not count). Beyond that nobody is made one; the schedule goes on. Absent = as many as you like, 0 = none.',
    ),
    notes: backupNotes('Text that stands in PVE beside each backup, before our mark. Absent = the name of the VM.').exactOptional(),
  })
  .describe(
    'Backups of the VM: when they are made, where they go, and how many there may be. Absent = backups are made only by ProxmoxVMBackup objects.',
  )
