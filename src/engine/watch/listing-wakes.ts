/** Which VMs the listing of their cluster wakes, and the tasks of others in it. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { Reason } from '../../api/reasons.ts'
import { conditionOf } from '../../api/condition.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Outcome } from '../../ladder/outcome.ts'
import type { Clock } from '../../ops/clock.ts'
import type { ChangeCount } from '../../proxmox/inventory.ts'
import type { Touch } from '../../proxmox/touched.ts'
import { isSettled } from '../status.ts'
import { unreachableMs } from '../unseen.ts'

interface ListingWakes {
  readonly cluster: Pick<PveCluster, 'name' | 'inventory' | 'touched'>
  /** Somebody's task has changed the guest of this VM. */
  readonly touch: (key: string, what: Touch['what']) => void
  readonly indexes: { readonly ofCluster: (name: string) => ProxmoxVM[]; readonly ofVmid: (clusterAndVmid: string) => ProxmoxVM[] }
  readonly wake: (vms: readonly ProxmoxVM[]) => void
  readonly clock: Clock
}

/** Wakes from now on; the answer ends it. */
export function wakeByListing({ cluster: { name, inventory, touched }, indexes, wake, touch, clock }: ListingWakes): () => void {
  let cancel: (() => void) | undefined
  const end = inventory.subscribe(({ vmids, nodes, storages, reachability }) => {
    if (reachability !== undefined) cancel?.()
    if (reachability === false) cancel = clock.after(unreachableMs, () => wake(indexes.ofCluster(name)))
    // One listing tells how all of them are, also those that were called unreachable.
    if (reachability) wake(indexes.ofCluster(name).filter((vm) => !isSettled(vm) || isCalledUnreachable(vm)))
    else if (vmids.size > 0 || nodes.size > 0 || storages.size > 0)
      wake(indexes.ofCluster(name).filter((vm) => waitsFor(readFromListing, vm) || (nodes.size > 0 && waitsFor(readFromNodes, vm))))
    for (const vmid of vmids) wake(indexes.ofVmid(`${name}/${vmid}`))
  })
  const endTouched = touched.subscribe((touches) => {
    for (const { vmid, what } of touches) for (const vm of indexes.ofVmid(`${name}/${vmid}`)) touch(keyOf(vm), what)
  })
  return () => {
    cancel?.()
    endTouched()
    end()
  }
}

/** What the listing showed and another may not: a template that comes, a node that is back and its storages with it, a storage that allows disks or has room again, a VMID that is free. */
const readFromListing: ReadonlySet<Reason> = new Set<Reason>([
  'TemplateNotFound',
  'TemplateNotTemplate',
  'TemplateAmbiguous',
  'NoCapacity',
  'NoCloudInitDrive',
  'StorageNotFound',
  'StorageOff',
  'VMIDTaken',
  'VMIDsExhausted',
  'BackupsUnseen',
  'BackupStorage',
  'OwnedByFormerObject',
])

/** What passes by itself, after pauses that grow up to 5 minutes, and at once when a node comes back. Other changes are no reason to ask again. */
const readFromNodes: ReadonlySet<Reason> = new Set<Reason>(['NoQuorum', 'NodeOffline'])

const isCalledUnreachable = (vm: ProxmoxVM) => conditionOf(vm.status?.conditions, 'Ready')?.reason === 'ClusterUnreachable'

/** Ready says the same as Stalled, and what a VM waits for that no person must end. */
const waitsFor = (reasons: ReadonlySet<Reason>, vm: ProxmoxVM) => reasons.has(conditionOf(vm.status?.conditions, 'Ready')?.reason as Reason)

/**
 * A change came while the pass was under way whose outcome says that it waits for one: nobody was woken by it, since the VM did not say so yet.
 * `before` and `now`: what the listing counted when the pass began and when its status was written; undefined: there is no cluster (pure).
 */
export function hasMissedChange(outcome: Outcome, before: ChangeCount | undefined, now: ChangeCount | undefined): boolean {
  if (outcome.is === 'done' || !before || !now) return false
  const { reason } = outcome
  if (reason === 'ClusterUnreachable' || readFromNodes.has(reason)) return before.nodes !== now.nodes
  return readFromListing.has(reason) && before.all !== now.all
}
