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
        'When the operator makes backups, in UTC, in cron format: minute, hour, day of month, month, day of week, such as "30 2 * * *". Absent = only on request.',
      ),
    spread: z
      .string()
      .max(32)
      .exactOptional()
      .meta({
        description:
          'The backups of the VMs are spread over this time after the time of the schedule, each VM always at the same moment, so that not all start at once. Default 1h.',
        ...rule(
          "self.matches('^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$') && duration(self) >= duration('0s')",
          'write a duration of at least 0s, such as 2h',
        ),
      }),
    keep: z
      .object({
        last: kept('The newest backups, whatever their age.'),
        daily: kept('The newest of each of so many days.'),
        weekly: kept('The newest of each of so many weeks, Monday to Sunday.'),
        monthly: kept('The newest of each of so many months.'),
      })
      .exactOptional()
      .describe(
        'Which backups of the schedule stay, counted as PVE counts: each rule adds to those before it. The operator deletes the others after the next backup, unless they are protected. Backups on request and files of others do not count, and this never deletes them. Absent = all stay.',
      ),
    mode: backupMode
      .exactOptional()
      .describe(
        'Snapshot (default): the guest keeps running. Suspend: PVE suspends it for a moment. Stop: PVE shuts it down and starts it again while it writes the backup.',
      ),
    max: limit(
      1000,
      'Backups a VM may have (ProxmoxVMBackup objects; those that failed do not count). Above that the operator makes no backup on request; the schedule continues. Absent = no limit, 0 = none.',
    ),
    notes: backupNotes('Text beside each backup in PVE, before the line of the operator. Absent = the name of the VM.').exactOptional(),
  })
  .describe('Backups of the VM: when, where and how many. Absent = only ProxmoxVMBackup objects make backups.')
