/** The sub-commands that make backups and go back to them. */
import { type Command, Option } from 'commander'
import { backUp } from './backups.ts'
import { bound, waiting } from './options.ts'
import type { Shell } from './shell.ts'

const group = 'Backups (with your rights):'

export function addBackups(program: Command, shell: Shell): void {
  waiting(
    program.command('backup <vm>').description('makes a backup of the VM (a ProxmoxVMBackup), and waits for its file').helpGroup(group),
  )
    .option('--name <name>', 'name of the ProxmoxVMBackup (default: made of the VM and the time)')
    .option('--storage <storage>', 'where to (default: what the package says)')
    .addOption(new Option('--mode <mode>', 'whether the guest goes on running').choices(['Snapshot', 'Suspend', 'Stop']))
    .option('--notes <text>', 'text beside the file in PVE')
    .option('--protected', 'PVE protects the file from being deleted')
    .option('--delete-with-object', 'the file goes when the ProxmoxVMBackup is deleted')
    .action(bound(shell, backUp))
}
