/** The number of a new VM: pinned by its object, or the next free one. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { judge } from '../../proxmox/failures.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { carriesMark, markOf } from '../../ladder/mark.ts'
import { type Obstacle, retry, stalled } from '../../ladder/outcome.ts'
import { pinnedVmidOf } from '../../want/birth.ts'
import type { Resolved } from '../../want/package.ts'
import type { Dependencies } from '../dependencies.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { asSentence } from './as-sentence.ts'
import { vmidTaken } from './intent-state.ts'

interface VmidInput {
  readonly deps: Dependencies
  readonly draft: VMStatusDraft
  readonly cluster: PveCluster
  readonly resolved: Resolved
}

/** Pinned, or the next free one of the range. A number is promised in memory at once and in status before it is used. */
export async function takeVmid(input: VmidInput, listing: Listing): Promise<number | Obstacle> {
  const { deps, draft, cluster, resolved } = input
  const { vm } = draft
  // Gathered once and only when it is this VM's turn: a range may be asked number by number.
  let held: ReadonlySet<number> | undefined
  const isHeld = (vmid: number) => (held ??= heldVmids(deps, vm)).has(vmid)
  const pinned = pinnedVmidOf(vm, draft.status)
  if (pinned !== undefined) return await pinnedVmid(input, pinned, listing, isHeld)
  const grant = await cluster.vmids.allocate(cluster.spec.vmids, resolved.merged.vmids, (vmid) => listing.guests.has(vmid) || isHeld(vmid))
  return grant.is === 'granted' ? grant.vmid : stalled('VMIDsExhausted', asSentence(grant.message))
}

/** The numbers of all other VMs of the cluster object, made or only promised. */
export function heldVmids(deps: Pick<Dependencies, 'vms' | 'inFlight'>, { spec, metadata }: ProxmoxVM): ReadonlySet<number> {
  const cluster = spec.clusterRef.name
  const held = new Set(deps.inFlight.of(cluster, metadata.uid).map((intent) => intent.vmid))
  for (const { spec: other, status, metadata: its } of deps.vms.list())
    if (status?.vmid !== undefined && other.clusterRef.name === cluster && its.uid !== metadata.uid) held.add(status.vmid)
  return held
}

async function pinnedVmid(
  { draft, cluster }: VmidInput,
  vmid: number,
  listing: Listing,
  isHeld: (vmid: number) => boolean,
): Promise<number | Obstacle> {
  const taken = vmidTaken(vmid)
  if (isHeld(vmid)) return taken
  const row = listing.guests.get(vmid)
  if (!row) return vmid
  try {
    const config = await cluster.pve.config({ node: row.node, vmid })
    return carriesMark(String(config.description ?? ''), markOf(draft.vm.metadata.uid ?? '', vmid)) ? vmid : taken
  } catch (fault) {
    if (judge(fault).kind === 'absent')
      return retry('Retrying', `VMID ${vmid} was removed or moved in PVE during the check; checking again.`)
    throw fault
  }
}
