/** The command line of the plugin: what there is, and what a call ends with. */
import { Command, CommanderError } from 'commander'
import { commandNames } from '../api/proxmoxvmcommand.ts'
import { buttonName, markedName } from './button-names.ts'
import { addBackups } from './backup-edits.ts'
import { addButtons } from './buttons.ts'
import { complete } from './completion.ts'
import { addConsole } from './console.ts'
import { addEdits } from './edits.ts'
import { sentenceOf } from './fault-sentence.ts'
import { addGuards } from './guards.ts'
import { addLife } from './life.ts'
import { addMoves } from './moves.ts'
import { collect } from './options.ts'
import { exitCodes, PluginRefusal, type Shell } from './shell.ts'
import { addSnapshots } from './snapshots.ts'
import { addTop, addViews } from './views.ts'

/** Runs one call of the plugin; the answer is its exit code. */
export async function run(shell: Shell, args: readonly string[]): Promise<number> {
  try {
    const program = programOf(shell)
    if (args[0] === '__complete') await complete(shell, program, args.slice(1))
    else await program.parseAsync([...args], { from: 'user' })
    return exitCodes.done
  } catch (fault) {
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? exitCodes.done : exitCodes.usage
    shell.err(`kubectl pve: ${sentenceOf(fault)}\n`)
    return fault instanceof PluginRefusal ? fault.exitCode : exitCodes.failed
  }
}

const legend = `
* may act on a running VM; ** acts only on a stopped VM, and does not stop it; […] what must hold, else
the command is refused; → the next step of automatic creation. docs/commands.md describes every button.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not finished within --timeout.
`

function programOf(shell: Shell): Command {
  const program = new Command('kubectl pve')
    .description('Virtual servers on Proxmox VE: show their state and run their commands.')
    .version(shell.version)
    .option('-n, --namespace <name>', 'namespace of the VM (default: that of the context)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--as <user>', 'act as this user')
    .option('--as-group <group>', 'act as a member of this group (may be repeated)', collect)
    .configureHelp({ showGlobalOptions: true, helpWidth: 120, subcommandTerm: termOf })
    .configureOutput({ writeOut: (text) => shell.out(text), writeErr: (text) => shell.err(text) })
    .exitOverride()
    .addHelpText('after', legend)
  addViews(program, shell)
  addLife(program, shell)
  addTop(program, shell)
  addEdits(program, shell)
  addMoves(program, shell)
  addBackups(program, shell)
  addConsole(program, shell)
  addGuards(program, shell)
  addSnapshots(program, shell)
  addButtons(program, shell)
  return program
}

/** With its arguments, and its mark. */
function termOf(command: Command): string {
  const title = titles.get(command.name()) ?? command.name()
  const wanted = command.registeredArguments.map((each) => (each.required ? `<${each.name()}>` : `[${each.name()}]`))
  return [command.name(), ...wanted, title.slice(command.name().length).trim()].filter(Boolean).join(' ')
}

/** Sub-commands that carry a mark show it in the list. */
const titles = new Map(commandNames.map((name) => [buttonName(name), markedName(name)]))
