/** Each kind has a watch of its own: what a person wrote before a command may come here after it, and a command ends for good. */
import { ipPools, proxmoxVMs, proxmoxVMSnapshots, vmPackages } from '../api/meta.ts'
import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import { isBehind, lookUp, readNow } from '../kube/look-up.ts'
import type { Pass } from '../engine/pass.ts'
import type { Outcome } from '../ladder/outcome.ts'

/** The VM calls as soon as it is here; this is for a watch that is being opened again. */
const againMs = 2_000

export const behind: Outcome = {
  is: 'wait',
  reason: 'Retrying',
  message: 'The ProxmoxVM was changed a moment ago; the command begins when the operator has read the change.',
  lookAfterMs: againMs,
  isQuiet: true,
}

/**
 * Before the command begins: whether somebody has changed the VM since this pass has seen it. What the command will read beside it is in the
 * stores afterwards. One request, one more for ChangePackage, and one for each object that is named and not known here.
 */
export async function isOutOfDate(
  { deps, key, draft }: Pick<Pass, 'deps' | 'key' | 'draft'>,
  { spec }: ProxmoxVMCommand,
): Promise<boolean> {
  const { client } = deps
  if (await isBehind({ client, store: deps.vms, resource: proxmoxVMs }, draft.vm)) return true
  const { packageRef, addresses = [] } = draft.vm.spec
  const packages = { client, store: deps.packages, resource: vmPackages }
  // It takes the newest one, and nothing else would later.
  if (packageRef) await (spec.command === 'ChangePackage' ? readNow : lookUp)(packages, packageRef.name)
  for (const { poolRef } of addresses) await lookUp({ client, store: deps.pools, resource: ipPools }, poolRef.name)
  const snapshot = spec.snapshotRef && `${key.split('/')[0]}/${spec.snapshotRef.name}`
  if (snapshot !== undefined) await lookUp({ client, store: deps.snapshots, resource: proxmoxVMSnapshots }, snapshot)
  return false
}
