/** The sub-commands that write the spec of a VM. */
import { type Command, Option } from 'commander'
import { type CommandFacts, commands } from '../api/proxmoxvmcommand.ts'
import { buttonHelp } from './button-names.ts'
import { type ChangePackageOptions, changePackage } from './change-package.ts'
import { bound, collect, optionsOf, sending, sure, waiting, whole } from './options.ts'
import { reinstall } from './reinstall.ts'
import { withSession } from './session.ts'
import type { Shell } from './shell.ts'
import { suspendVM, unsuspend } from './suspension.ts'

const editGroup = "Buttons that write the VM's own spec, with your rights:"

export function addEdits(program: Command, shell: Shell): void {
  const edit = (name: string, description: string) => waiting(program.command(`${name} <vm>`).description(description).helpGroup(editGroup))
  edit('suspend', 'shuts the VM down and keeps it off until every holder removes its suspension')
    .requiredOption('--reason <text>', 'the reason, for people: every refusal shows it')
    .option('--by <holder>', 'who holds it: one entry a holder', 'manual')
    .option('--force', 'take the entry over from its present writer')
    .addOption(sure())
    .action(bound(shell, suspendVM))
  edit('unsuspend', 'removes the holder; after the last one the operator starts the VM, unless it is Halted')
    .option('--by <holder>', 'whose entry to remove', 'manual')
    .option('--force', 'even if somebody else wrote the entry')
    .action(bound(shell, unsuspend))
  edit('reinstall', buttonHelp('Reinstall'))
    .option('--template <name>', 'another template, for this time only')
    .addOption(new Option('--template-vmid <vmid>', 'the same, by VMID').argParser(whole).conflicts(['template', 'templateTag']))
    .addOption(new Option('--template-tag <tag>', 'the same, by tag').conflicts(['template', 'templateVmid']))
    .addOption(sure())
    .option('--request-id <id>', 'an ID of your own: the same one never runs twice (default: the time)')
    .action(bound(shell, reinstall))
  sending(
    waiting(
      program
        .command('change-package [vm]')
        .description(`${changeHelp()} Without flags: the newest version of the VMPackage, as the command ChangePackage`)
        .helpGroup(editGroup),
    ),
  )
    .option('--package <name>', 'another VMPackage (packageRef)')
    .option('--cores <n>', 'cpu.cores', whole)
    .option('--memory <size>', 'memory.size, such as 8Gi')
    .option('--disk <size>', 'systemDisk.size, such as 80Gi')
    .option('--rate <mbit>', 'network.rateMbit', whole)
    .option('--set <field=value>', 'any other single field of the package, such as cpu.limit=1.5 (may be repeated)', collect)
    .option('--force', 'take fields over from their present writers')
    .addOption(sure())
    .option('--all-of <package>', 'the newest version for every VM with an older one of this VMPackage; shows them and asks')
    .option('--max <n>', 'with --all-of: how many at a time (default: 1); the first failure begins no further VM', whole)
    .option('-A, --all-namespaces', 'with --all-of: in all namespaces')
    .action(async (vm: string | undefined, _: unknown, command: Command) => {
      const options = optionsOf<ChangePackageOptions>(command)
      await withSession(shell, options, (session) => changePackage(session, vm, options))
    })
}

const changeHelp = () => {
  const { needs }: CommandFacts = commands.ChangePackage
  return `applies other fields of the package, with a stop if they need one [${needs}].`
}
