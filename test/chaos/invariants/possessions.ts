// What people hung on a VM: compared once everything is at rest.
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { hasFile, peoplesJob, type Scene } from '../scene.ts'
import { isAtRest } from './objects.ts'
import type { Verdicts } from './verdicts.ts'

/** Only of a VM that is there and at rest. */
export function judgePossessions(scene: Scene, vm: ProxmoxVM, verdicts: Verdicts): void {
  const account = scene.ledger.ofUid(vm.metadata.uid ?? '')
  const { guests, firewall, backupJobs, ha, access } = scene.world.simulator.world
  const { vmid = 0 } = vm.status ?? {}
  if (!account || !isAtRest(vm) || !guests.has(vmid)) return
  const { name, own } = account
  const lost = (what: string): void => verdicts.broken('possessionsStay', `${name} ${what}`, `${what} of ${name} (VMID ${vmid}) is gone`)
  const file = firewall.get(vmid)
  for (const comment of own.rules) if (!file?.rules.some((rule) => rule.comment === comment)) lost(`the rule ${comment}`)
  for (const alias of own.aliases) if (file?.aliases[alias] === undefined) lost(`the alias ${alias}`)
  for (const set of own.sets) if (!file?.ipsets[set]?.entries.some(({ cidr }) => cidr === '192.0.2.9')) lost(`the set ${set} or its entry`)
  for (const pool of own.pools) if (!access.pools.get(pool)?.vms.has(vmid)) lost(`the place in pool ${pool}`)
  for (const backup of own.backups) if (!hasFile(scene, backup)) lost(`the backup ${backup}`)
  const named = String(backupJobs.get(peoplesJob)?.['vmid'] ?? '').split(',')
  if (!named.includes(String(vmid))) lost(`the entry in the backup job ${peoplesJob}`)
  if (account.isInHa && !ha.resources.has(`vm:${vmid}`)) lost('the place in HA')
}
