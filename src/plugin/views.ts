/** The sub-commands that only look. */
import type { Command } from 'commander'
import { showBackupFiles } from './backups.ts'
import { showFound } from './find.ts'
import { showList } from './ls.ts'
import { bound, json, unbound, type Work } from './options.ts'
import { showOutdated } from './outdated.ts'
import { showPlan } from './plan-page.ts'
import { showPools } from './pools.ts'
import type { Shell } from './shell.ts'
import { showStatus } from './status-page.ts'
import { showUnclaimed } from './unclaimed.ts'
import { showWho } from './who.ts'

export function addViews(program: Command, shell: Shell): void {
  const view = (name: string, description: string, work: Work<{ output?: 'json' }>) =>
    program.command(name).description(description).helpGroup('Looking:').addOption(json()).action(bound(shell, work))
  view('status <vm>', 'the ladder with its times, the step under way, the last error, and what the VM waits for', showStatus)
  view('plan <vm>', 'what would be done now and why, and what needs a stop or a command', showPlan)
  view(
    'backups <vm>',
    'backup files that PVE has of the VM, listed now: where, how large, protected, verified, until when',
    showBackupFiles,
  )
  view('who <address>', 'who has the address and who had it; any spelling of IPv6', showWho)
  view(
    'find <anything>',
    'whose is this name, host name, VMID, MAC, address, client or service id? also guests without an object',
    showFound,
  )
  program
    .command('ls')
    .description('VMs with package, cluster, template, addresses, and what is left undone')
    .helpGroup('Looking:')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-l, --selector <labels>', 'only those with these labels, such as pve.hosting/client-id=7')
    .addOption(json())
    .action(unbound(shell, showList))
  program
    .command('outdated')
    .description('VMs whose VMPackage was edited since they took it, and what change-package would change')
    .helpGroup('Looking:')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--package <name>', 'only of this VMPackage')
    .addOption(json())
    .action(unbound(shell, showOutdated))
  program
    .command('unclaimed')
    .description('guests in PVE with our mark that belong to no ProxmoxVM, and what they use')
    .helpGroup('Looking:')
    .addOption(json())
    .action(unbound(shell, showUnclaimed))
  program
    .command('pools')
    .description('address pools: how many are free, held, resting')
    .helpGroup('Looking:')
    .addOption(json())
    .action(unbound(shell, showPools))
}
