/** One sub-command for each button of the manual. */
import type { Command } from 'commander'
import { type CommandName, commandNames } from '../api/proxmoxvmcommand.ts'
import { buttonHelp, buttonName } from './button-names.ts'
import { sendCommand } from './command.ts'
import { bound, sending, sure, waiting } from './options.ts'
import type { Shell } from './shell.ts'

export function addButtons(program: Command, shell: Shell): void {
  for (const name of commandNames) if (name !== 'Reinstall' && name !== 'ChangePackage') addButton(program, shell, name)
}

/** Buttons that take the VM away from whoever uses it: at a terminal they ask first. */
const isAskedFor: readonly CommandName[] = ['Stop', 'Shutdown', 'Reboot', 'Remove']

function addButton(program: Command, shell: Shell, name: CommandName): void {
  const command = program
    .command(`${buttonName(name)} <vm>`)
    .description(buttonHelp(name))
    .helpGroup('Buttons of the manual (each a ProxmoxVMCommand):')
  if (isAskedFor.includes(name)) command.addOption(sure())
  sending(waiting(command)).action(
    bound<Parameters<typeof sendCommand>[3]>(shell, (session, vm, options) => sendCommand(session, name, vm, options)),
  )
}
