/** The sub-commands that bring guests of PVE under ProxmoxVMs. */
import type { Command } from 'commander'
import { adoptGuests } from './adoption/command.ts'
import { importServices } from './import/import-panel.ts'
import { json, sure, unbound, waiting } from './options.ts'
import type { Shell } from './shell.ts'

const moveGroup = 'Moving in:'

export function addMoves(program: Command, shell: Shell): void {
  waiting(
    program
      .command('adopt')
      .description(
        'prints manifests that turn guests of PVE into ProxmoxVMs; --former lets waiting objects take over the VMs of former ones',
      ),
  )
    .helpGroup(moveGroup)
    .option('--cluster <name>', 'print manifests for guests of this ProxmoxCluster; nothing is written')
    .option('--vmid <list>', 'with --cluster: these guests, such as 101,104-110')
    .option('--all', 'with --cluster: every guest that no ProxmoxVM owns')
    .option('--unclaimed', 'with --cluster: guests with the owner line of the operator whose ProxmoxVM no longer exists')
    .option('--take', 'with --cluster: print mode Take; default is Report, which only compares')
    .option('--template <name>', 'with --cluster: the template a reinstall would use')
    .option('--former', 'all objects with reason OwnedByFormerObject, in all namespaces or in that of -n; shows them and asks')
    .addOption(sure())
    .action(unbound(shell, adoptGuests))
  program
    .command('import')
    .description('prints manifests for the services of a billing panel, with its addresses as reservations; nothing is written')
    .helpGroup(moveGroup)
    .requiredOption('--cluster <name>', 'the ProxmoxCluster their guests are on')
    .option('--csv <file>', 'services as CSV: service_id, client_id, status, vmid, mac, addresses, hostname, node, package, rate_mbyte')
    .option('--whmcs-dump <file>', 'services in a mysqldump of a WHMCS database (tblhosting, tblproducts)')
    .option('--compare', 'only compare the list with PVE and with the ProxmoxVMs')
    .option('--take', 'print mode Take; default is Report, which only compares guest and spec')
    .option('--template <name>', 'the template a reinstall would use')
    .addOption(json())
    .action(unbound(shell, importServices))
}
