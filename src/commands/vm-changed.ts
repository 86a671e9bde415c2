/** Whether the VM has changed before its command begins. Each kind has a watch of its own, so an edit may be seen after the command that followed it. */
import { ipPools, proxmoxVMs, proxmoxVMSnapshots, vmPackages } from '../api/meta.ts'
import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import { hasChangedSince, lookUp, readNow } from '../kube/look-up.ts'
import type { Pass } from '../engine/pass.ts'
import type { Outcome } from '../ladder/outcome.ts'

/** The new version calls the VM at once; this is for a watch that is being opened again. */
const againMs = 2_000

export const vmChanged: Outcome = {
  is: 'wait',
  reason: 'Retrying',
  message: 'The ProxmoxVM was changed a moment ago; the command begins when the operator has read the change.',
  lookAfterMs: againMs,
  isQuiet: true,
}

/**
 * Whether somebody has changed the VM since this pass has read it. If not, the stores have afterwards what else the command reads: package, pools
 * and snapshot. One request, one more for ChangePackage, and one for each of these that the stores lack.
 */
export async function hasVMChanged(
  { deps, key, draft }: Pick<Pass, 'deps' | 'key' | 'draft'>,
  { spec }: ProxmoxVMCommand,
): Promise<boolean> {
  const { client } = deps
  if (await hasChangedSince({ client, store: deps.vms, resource: proxmoxVMs }, draft.vm)) return true
  const { packageRef, addresses = [] } = draft.vm.spec
  const packages = { client, store: deps.packages, resource: vmPackages }
  // ChangePackage takes the version that is there now; a newer one needs another command.
  if (packageRef) await (spec.command === 'ChangePackage' ? readNow : lookUp)(packages, packageRef.name)
  for (const { poolRef } of addresses) await lookUp({ client, store: deps.pools, resource: ipPools }, poolRef.name)
  const snapshot = spec.snapshotRef && `${key.split('/')[0]}/${spec.snapshotRef.name}`
  if (snapshot !== undefined) await lookUp({ client, store: deps.snapshots, resource: proxmoxVMSnapshots }, snapshot)
  return false
}
