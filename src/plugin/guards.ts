/** The sub-commands that let VMs be destroyed, or make sure that they are not. */
import type { Command } from 'commander'
import { allowDeletions } from './allow-deletions.ts'
import { bound, dryRun, json, optionsOf, seconds, sure, waiting } from './options.ts'
import { type ReleaseOptions, releaseVMs } from './release.ts'
import { withSession } from './session.ts'
import type { Shell } from './shell.ts'

/** Nothing here destroys a VM; one lets others do so, the other makes sure that nobody does. */
export function addGuards(program: Command, shell: Shell): void {
  program
    .command('allow-deletions <cluster>')
    .description('suspends limits.deletions of the ProxmoxCluster for a while: VMs that wait for their deletion are destroyed')
    .helpGroup(guardGroup)
    .option('--for <duration>', 'for how long, at most 24h', seconds)
    .option('--end', 'ends the suspension of limits.deletions')
    .addOption(sure())
    .addOption(dryRun())
    .addOption(json())
    .action(bound(shell, allowDeletions))
  waiting(
    program
      .command('release [vms...]')
      .description('releases VMs from their objects for good; the guests stay in PVE as they are')
      .helpGroup(guardGroup),
  )
    .option('--all', 'all VMs of the namespace')
    .option('-A, --all-namespaces', 'all VMs of all namespaces')
    .option('--hand-back', 'also remove the owner line and tag from the guests; without it another object can adopt them')
    .addOption(sure())
    .action(async (names: string[], _: unknown, command: Command) => {
      const options = optionsOf<ReleaseOptions>(command)
      await withSession(shell, options, (session) => releaseVMs(session, names, options))
    })
}

const guardGroup = 'Deletions:'
