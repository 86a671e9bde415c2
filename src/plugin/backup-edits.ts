/** The sub-commands that make backups and go back to them. */
import { type Command, Option } from 'commander'
import { backUp } from './backups.ts'
import { bound, optionsOf, sure, waiting } from './options.ts'
import { restore, type RestoreOptions } from './restore.ts'
import { withSession } from './session.ts'
import type { Shell } from './shell.ts'

const group = 'Backups (with your rights):'

export function addBackups(program: Command, shell: Shell): void {
  waiting(
    program.command('backup <vm>').description('makes a backup of the VM (a ProxmoxVMBackup), and waits for its file').helpGroup(group),
  )
    .option('--name <name>', 'name of the ProxmoxVMBackup (default: made of the VM and the time)')
    .option('--storage <storage>', 'where to (default: what the package says)')
    .addOption(new Option('--mode <mode>', 'whether the guest keeps running').choices(['Snapshot', 'Suspend', 'Stop']))
    .option('--notes <text>', 'text beside the file in PVE')
    .option('--protected', 'PVE protects the file from being deleted')
    .option('--delete-with-object', 'delete the file together with the ProxmoxVMBackup')
    .addOption(sure())
    .action(bound(shell, backUp))
  const goBack = waiting(
    program
      .command('restore <vm> <backup>')
      .description(
        'restores the VM from the backup (a ProxmoxVMBackup, or a volume as backups shows it), then applies its current package [off]',
      )
      .helpGroup(group),
  )
  goBack
    .addOption(sure())
    .option('--drop-first', 'counts the room of its present disks as free; they are lost then, even if the restore fails')
    .option('--request-id <id>', 'an ID of your own: the same one never runs twice (default: the time)')
    .action(async (vm: string, backup: string, _: unknown, command: Command) => {
      const options = optionsOf<RestoreOptions>(command)
      await withSession(shell, options, (session) => restore(session, vm, backup, options))
    })
}
