/** One sub-command for each button of the manual. */
import type { Command } from 'commander'
import { type CommandName, commandNames } from '../api/proxmoxvmcommand.ts'
import { buttonHelp, buttonName } from './button-names.ts'
import { sendCommand, type SendOptions } from './command.ts'
import { bound, optionsOf, sending, sure, waiting } from './options.ts'
import { type Session, withSession } from './session.ts'
import type { Shell } from './shell.ts'

export function addButtons(program: Command, shell: Shell): void {
  for (const name of commandNames) if (!ofTheirOwn.includes(name)) addButton(program, shell, name)
  button(program, 'Rollback', '<vm> <snapshot>')
    .addOption(sure())
    .action(
      boundTwice(shell, (session, vm, snapshot, options) => send(session, 'Rollback', vm, options, { snapshotRef: { name: snapshot } })),
    )
  button(program, 'Migrate', '<vm> <node>')
    .option('--with-local-disks', 'copy disks on storages that only its node has')
    .action(
      boundTwice(shell, (session, vm, node, options) =>
        send(session, 'Migrate', vm, options, { node, ...(options.withLocalDisks && { withLocalDisks: true }) }),
      ),
    )
}

type Options = SendOptions & { withLocalDisks?: boolean }
const send = (session: Session, name: CommandName, vm: string, options: Options, fields: SendOptions['fields'] & object) =>
  sendCommand(session, name, vm, { ...options, fields })

/** Made elsewhere: they take more than a VM, or write its object. */
const ofTheirOwn: readonly CommandName[] = ['Reinstall', 'ChangePackage', 'Rollback', 'Migrate']

/** Buttons that take the VM away from whoever uses it: at a terminal they ask first. */
const isAskedFor: readonly CommandName[] = ['Stop', 'Shutdown', 'Reboot', 'Reset', 'Remove']

const button = (program: Command, name: CommandName, subjects: string): Command =>
  sending(
    waiting(
      program
        .command(`${buttonName(name)} ${subjects}`)
        .description(buttonHelp(name))
        .helpGroup('Buttons (each a ProxmoxVMCommand):'),
    ),
  )

function addButton(program: Command, shell: Shell, name: CommandName): void {
  const command = button(program, name, '<vm>')
  if (isAskedFor.includes(name)) command.addOption(sure())
  command.action(bound<SendOptions>(shell, (session, vm, options) => sendCommand(session, name, vm, options)))
}

/** The action of a sub-command with two arguments. */
const boundTwice =
  (shell: Shell, work: (session: Session, vm: string, other: string, options: Options) => Promise<void>) =>
  async (vm: string, other: string, _: unknown, command: Command): Promise<void> => {
    const options = optionsOf<Options>(command)
    await withSession(shell, options, (session) => work(session, vm, other, options))
  }
