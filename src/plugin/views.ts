/** The sub-commands that only look. */
import type { Command } from 'commander'
import { showBackupFiles } from './backups.ts'
import { showFound } from './find.ts'
import { showList } from './ls.ts'
import { bound, maybeBound, json, seconds, unbound, type Work } from './options.ts'
import { showOutdated } from './outdated.ts'
import { showPlan } from './plan-page.ts'
import { showPoolPlan } from './pool-plan-page.ts'
import { showPools } from './pools.ts'
import { type GlobalOptions, type Session, withSession } from './session.ts'
import { exitCodes, PluginRefusal, type Shell } from './shell.ts'
import { showStatus } from './status-page.ts'
import { showTop } from './top.ts'
import { showUnclaimed } from './unclaimed.ts'
import { showWhoOrOf } from './who-of.ts'

interface PlanOptions {
  pool?: string
  filename?: string
  rollback?: string
  output?: 'json'
}

async function showEither(session: Session, vm: string | undefined, { pool, filename, rollback, output }: PlanOptions): Promise<void> {
  const o = { ...(filename !== undefined && { file: filename }), ...(output && { output }) }
  if (pool !== undefined && vm === undefined) return await showPoolPlan(session, pool, o)
  if (vm !== undefined && pool === undefined && filename === undefined)
    return await showPlan(session, vm, { ...o, ...(rollback !== undefined && { rollback }) })
  throw new PluginRefusal(
    'write the name of a VM, or --pool with the name of an IPPool (for an edit also -f with its manifest)',
    exitCodes.usage,
  )
}

export function addViews(program: Command, shell: Shell): void {
  const view = (name: string, description: string, work: Work<{ output?: 'json' }>) =>
    program.command(name).description(description).helpGroup('Views:').addOption(json()).action(bound(shell, work))
  view('status <vm>', 'shows the steps with their times, the current step, the last error, and what the VM waits for', showStatus)
  program
    .command('plan [vm]')
    .description(
      'shows what the operator would do now and why, and what needs a stop or a command; with --pool, which VMs an edit of an IPPool affects',
    )
    .helpGroup('Views:')
    .option('--pool <name>', 'instead of one VM: all VMs with an address of this IPPool')
    .option('--rollback <snapshot>', 'also what a rollback to this ProxmoxVMSnapshot would do: what is lost, disks, memory, addresses')
    .option('-f, --filename <file>', 'manifest of the edited IPPool (default: the IPPool as it is)')
    .addOption(json())
    .action(async (vm: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<PlanOptions & GlobalOptions>()
      await withSession(shell, options, (session) => showEither(session, vm, options))
    })
  view('backups <vm>', 'lists the backup files that PVE has of the VM: storage, size, protected, verified, until when', showBackupFiles)
  program
    .command('who [address]')
    .description('shows who has the address and who had it before; or the addresses of a customer or service, with dates')
    .helpGroup('Views:')
    .option('--service <id>', 'addresses of the service with this pve.hosting/service-id, now and before')
    .option('--client <id>', 'addresses of the customer with this pve.hosting/client-id, now and before')
    .addOption(json())
    .action(maybeBound(shell, showWhoOrOf))
  view(
    'find <anything>',
    'finds a VM by name, host name, VMID, MAC, address, client or service id; also guests without an object',
    showFound,
  )
  program
    .command('ls')
    .description('lists VMs with package, cluster, template, addresses, and what the operator has not applied')
    .helpGroup('Views:')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-l, --selector <labels>', 'only those with these labels, such as pve.hosting/client-id=7')
    .addOption(json())
    .action(unbound(shell, showList))
  program
    .command('outdated')
    .description('lists VMs whose VMPackage was edited after they took it, and what change-package would change')
    .helpGroup('Views:')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--package <name>', 'only of this VMPackage')
    .addOption(json())
    .action(unbound(shell, showOutdated))
  program
    .command('unclaimed')
    .description('lists guests in PVE with the owner line of the operator that belong to no ProxmoxVM, and their addresses')
    .helpGroup('Views:')
    .addOption(json())
    .action(unbound(shell, showUnclaimed))
  program
    .command('pools')
    .description('lists address pools: how many addresses are free, held, and released but not free yet')
    .helpGroup('Views:')
    .addOption(json())
    .action(unbound(shell, showPools))
}

/** The only view that asks the operator for many VMs at a time. */
export function addTop(program: Command, shell: Shell): void {
  program
    .command('top [vm]')
    .description('shows CPU, memory, disk and network over the last hour, measured now, and the traffic of the period')
    .helpGroup('Views:')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-l, --selector <labels>', 'only those with these labels, such as pve.hosting/client-id=7')
    .option('--recorded', 'what was measured last; the operator is asked for nothing')
    .option('--timeout <duration>', 'wait at most this long (default: 2m)', seconds)
    .addOption(json())
    .action(maybeBound(shell, showTop))
}
