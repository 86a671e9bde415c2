/** The sub-commands for the two buttons that are the object itself: Create and Terminate. */
import type { Command } from 'commander'
import { createVM } from './create.ts'
import { bound, collect, sure, waiting } from './options.ts'
import type { Shell } from './shell.ts'
import { terminateVM } from './terminate.ts'

const lifeGroup = 'Buttons that are the object itself:'

export function addLife(program: Command, shell: Shell): void {
  const sub = (name: string, description: string) => waiting(program.command(`${name} <vm>`).description(description).helpGroup(lifeGroup))
  sub('create', 'creates the ProxmoxVM and waits until it is ready; waits for one that exists, and makes a removed VM again')
    .option('--cluster <name>', 'its ProxmoxCluster (default: the only one)')
    .option('--template <name>', 'the template it is cloned from')
    .option('--package <name>', 'its VMPackage')
    .option('--address <entry=pool>', 'an address of this IPPool; the entry may be left out (may be repeated)', collect)
    .option('--hostname <name>', 'host name (default: by the package, else the name of the object)')
    .option('--user <name>', 'login with a generated password, which is in the Secret <vm>-credentials')
    .option('--client <id>', 'the number of the customer, as label')
    .option('--service <id>', 'the number of the service, as label')
    .action(bound(shell, createVM))
  sub(
    'terminate',
    'deletes the object, and the VM as its deletionPolicy says; lists what it deletes, asks, and ends with date and addresses',
  )
    .addOption(sure())
    .action(bound(shell, terminateVM))
}
