// What people hung on a VM: compared once everything is at rest.
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { hasFile, peoplesJob, type Scene } from '../scene.ts'
import { lostEntries, tellLost } from './entries.ts'
import { isAtRest } from './objects.ts'
import type { Verdicts } from './verdicts.ts'

/** Only of a VM that is there and at rest. */
export function judgePossessions(scene: Scene, vm: ProxmoxVM, verdicts: Verdicts): void {
  const account = scene.ledger.ofUid(vm.metadata.uid ?? '')
  const { guests, backupJobs, ha } = scene.world.simulator.world
  const { vmid = 0 } = vm.status ?? {}
  if (!account || !isAtRest(vm) || !guests.has(vmid)) return
  const { own } = account
  const lost = (what: string): void => tellLost(verdicts, account, what)
  for (const what of lostEntries(scene, account)) lost(what)
  for (const backup of own.backups) if (!hasFile(scene, backup)) lost(`the backup ${backup}`)
  const named = String(backupJobs.get(peoplesJob)?.['vmid'] ?? '').split(',')
  if (!named.includes(String(vmid))) lost(`the entry in the backup job ${peoplesJob}`)
  if (account.isInHa && !ha.resources.has(`vm:${vmid}`)) lost('the place in HA')
}
