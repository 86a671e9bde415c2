import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type CommandFacts, type CommandName, commandNames, commands } from '../api/proxmoxvmcommand.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { allowDeletions } from './allow-deletions.ts'
import { buttonHelp, buttonName, markedName } from './button-names.ts'
import { changePackage } from './change-package.ts'
import { sentenceOf } from './fault-sentence.ts'
import { showPlan } from './plan-page.ts'
import { showPools } from './pools.ts'
import { sendCommand } from './command.ts'
import { reinstall } from './reinstall.ts'
import { type ReleaseOptions, releaseVMs } from './release.ts'
import { type Session, withSession } from './session.ts'
import { exitCodes, PluginRefusal, type Shell } from './shell.ts'
import { showStatus } from './status-page.ts'
import { suspendVM, unsuspend } from './suspension.ts'
import { type AdoptOptions, adoptFormer } from './adopt.ts'
import { showUnclaimed } from './unclaimed.ts'
import { showWho } from './who.ts'

/** Runs one call of the plugin; the answer is its exit code. */
export async function run(shell: Shell, args: readonly string[]): Promise<number> {
  try {
    await programOf(shell).parseAsync([...args], { from: 'user' })
    return exitCodes.done
  } catch (fault) {
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? exitCodes.done : exitCodes.usage
    shell.err(`kubectl pve: ${sentenceOf(fault)}\n`)
    return fault instanceof PluginRefusal ? fault.exitCode : exitCodes.failed
  }
}

const legend = `
Marks of the manual: * may act on a running VM; ** only on a stopped one, and never stops it itself;
[…] what must hold, else it is refused; → the step of automatic creation that follows.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not finished within --timeout.
`

function programOf(shell: Shell): Command {
  const program = new Command('kubectl pve')
    .description('Virtual servers on Proxmox VE: their buttons, and what they are doing.')
    .version(shell.version)
    .option('-n, --namespace <name>', 'namespace of the VM (default: that of the context)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--as <user>', 'act as this user')
    .option('--as-group <group>', 'act as a member of this group (may be repeated)', collect)
    .configureHelp({ showGlobalOptions: true, helpWidth: 120, subcommandTerm: (command) => titles.get(command.name()) ?? command.name() })
    .configureOutput({ writeOut: (text) => shell.out(text), writeErr: (text) => shell.err(text) })
    .exitOverride()
    .addHelpText('after', legend)
  addViews(program, shell)
  addEdits(program, shell)
  addGuards(program, shell)
  for (const name of commandNames) if (name !== 'Reinstall' && name !== 'ChangePackage') addButton(program, shell, name)
  return program
}

/** Sub-commands that carry a mark show it in the list. */
const titles = new Map(commandNames.map((name) => [buttonName(name), markedName(name)]))

type Work<O> = (session: Session, subject: string, options: O) => Promise<void>

const bound =
  <O extends object>(shell: Shell, work: Work<O>) =>
  async (subject: string, _: unknown, command: Command): Promise<void> => {
    const options = command.optsWithGlobals<O & Parameters<typeof withSession>[1]>()
    await withSession(shell, options, (session) => work(session, subject, options))
  }

const json = () => new Option('-o, --output <format>', 'print the data').choices(['json'])

function addViews(program: Command, shell: Shell): void {
  const view = (name: string, description: string, work: Work<{ output?: 'json' }>) =>
    program.command(name).description(description).helpGroup('Looking:').addOption(json()).action(bound(shell, work))
  view('status <vm>', 'the ladder with its times, the step under way, the last error, and what the VM waits for', showStatus)
  view('plan <vm>', 'what would be done now and why, and what needs a stop or a command', showPlan)
  view('who <address>', 'who has the address and who had it; any spelling of IPv6', showWho)
  program
    .command('unclaimed')
    .description('guests in PVE with our mark that belong to no ProxmoxVM, and what they use')
    .helpGroup('Looking:')
    .addOption(json())
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals()
      await withSession(shell, options, (session) => showUnclaimed(session, options))
    })
  program
    .command('pools')
    .description('address pools: how many are free, held, resting')
    .helpGroup('Looking:')
    .addOption(json())
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals()
      await withSession(shell, options, (session) => showPools(session, options))
    })
}

function waiting(command: Command): Command {
  return command
    .option('--no-wait', 'do not wait for its end')
    .option('--timeout <duration>', 'wait at most this long, such as 90s or 10m (default: as long as it takes)', seconds)
    .addOption(json())
}

function addButton(program: Command, shell: Shell, name: CommandName): void {
  const command = program
    .command(`${buttonName(name)} <vm>`)
    .description(buttonHelp(name))
    .helpGroup('Buttons of the manual (each a ProxmoxVMCommand):')
  sending(waiting(command)).action(
    bound<Parameters<typeof sendCommand>[3]>(shell, (session, vm, options) => sendCommand(session, name, vm, options)),
  )
}

const sending = (command: Command) =>
  command
    .option('--ttl <duration>', 'delete the ProxmoxVMCommand this long after its end (default: it goes with its VM)', seconds)
    .option('--reason <text>', 'why, for people')

const editGroup = "Buttons that write the VM's own spec, with your rights:"

function addEdits(program: Command, shell: Shell): void {
  const edit = (name: string, description: string) => waiting(program.command(`${name} <vm>`).description(description).helpGroup(editGroup))
  edit('suspend', 'shuts the VM down and keeps it off until every holder has let go')
    .requiredOption('--reason <text>', 'why, for people: it is in every refusal meanwhile')
    .option('--by <holder>', 'who holds it: one entry a holder', 'manual')
    .option('--force', 'take the entry over from whoever wrote it')
    .action(bound(shell, suspendVM))
  edit('unsuspend', 'takes the holder off; after the last one the VM is started, unless it is Halted')
    .option('--by <holder>', 'whose entry goes', 'manual')
    .option('--force', 'even if somebody else wrote the entry')
    .action(bound(shell, unsuspend))
  waiting(
    program.command('adopt').description('VMs that a former object of the same name owned become those of the objects that wait for them'),
  )
    .helpGroup(editGroup)
    .requiredOption('--former', 'all objects with reason OwnedByFormerObject, in all namespaces or in that of -n; shows them and asks')
    .option('--yes', 'do not ask')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<AdoptOptions & Parameters<typeof withSession>[1]>()
      await withSession(shell, options, (session) => adoptFormer(session, options))
    })
  edit('reinstall', buttonHelp('Reinstall'))
    .option('--template <name>', 'another template, for this time only')
    .addOption(new Option('--template-vmid <vmid>', 'the same, by VMID').argParser(whole).conflicts(['template', 'templateTag']))
    .addOption(new Option('--template-tag <tag>', 'the same, by tag').conflicts(['template', 'templateVmid']))
    .option('--request-id <id>', 'a token of your own: the same one never runs twice (default: the time)')
    .action(bound(shell, reinstall))
  sending(edit('change-package', `${changeHelp()} Without flags: the newest version of the VMPackage, as the command ChangePackage`))
    .option('--package <name>', 'another VMPackage (packageRef)')
    .option('--cores <n>', 'cpu.cores', whole)
    .option('--memory <size>', 'memory.size, such as 8Gi')
    .option('--disk <size>', 'systemDisk.size, such as 80Gi')
    .option('--rate <mbit>', 'network.rateMbit', whole)
    .option('--set <field=value>', 'any other single field of the package, such as cpu.limit=1.5 (may be repeated)', collect)
    .option('--force', 'take fields over from whoever writes them')
    .action(bound(shell, changePackage))
}

/** Nothing here destroys a VM; one lets others do so, the other makes sure that nobody does. */
function addGuards(program: Command, shell: Shell): void {
  program
    .command('allow-deletions <cluster>')
    .description('lifts limits.deletions of the ProxmoxCluster for a while: VMs that wait to be destroyed are destroyed')
    .helpGroup(guardGroup)
    .option('--for <duration>', 'for how long, at most 24h', seconds)
    .option('--end', 'takes the leave back')
    .addOption(json())
    .action(bound(shell, allowDeletions))
  waiting(
    program.command('release [vms...]').description('lets go of VMs for good; the guests stay in PVE as they are').helpGroup(guardGroup),
  )
    .option('--all', 'all VMs of the namespace')
    .option('-A, --all-namespaces', 'all VMs of all namespaces')
    .option('--hand-back', 'take our mark and tag off the guests; else another object can adopt them')
    .option('-y, --yes', 'do not ask')
    .action(async (names: string[], _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ReleaseOptions & Parameters<typeof withSession>[1]>()
      await withSession(shell, options, (session) => releaseVMs(session, names, options))
    })
}

const guardGroup = 'Deletions:'

const changeHelp = () => {
  const { needs }: CommandFacts = commands.ChangePackage
  return `applies other fields of the package, with a stop if they need one [${needs}].`
}

const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value]

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('write a whole number')
  return Number(text)
}

function seconds(text: string): number {
  try {
    return /^\d+$/.test(text) ? Number(text) : Math.ceil(parseDurationSeconds(text))
  } catch {
    throw new InvalidArgumentError('write a duration such as 90s, 10m or 1h')
  }
}
