import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { Reason } from '../../api/reasons.ts'
import { dnsHolds, dnsUnderWay } from '../../dns/vm-status.ts'
import { keyOf } from '../../kube/keys.ts'
import type { WorkQueue } from '../../kube/queue.ts'
import type { Store } from '../../kube/store.ts'
import type { Audit } from './audit.ts'
import type { Dependencies } from '../dependencies.ts'
import { isSettled } from '../status.ts'
import { unreachableMs } from '../unseen.ts'
import { conditionOf } from '../../api/condition.ts'

/** What a VM can be found by when something it depends on changes. */
export interface VMIndexes {
  readonly ofCluster: (name: string) => ProxmoxVM[]
  readonly ofPackage: (name: string) => ProxmoxVM[]
  readonly ofPool: (name: string) => ProxmoxVM[]
  readonly ofVmid: (clusterAndVmid: string) => ProxmoxVM[]
}

/** Declare before the reflectors run. */
export const vmIndexes = (vms: Store<ProxmoxVM>): VMIndexes => ({
  ofCluster: vms.index('cluster', (vm) => [vm.spec.clusterRef.name]),
  ofPackage: vms.index('package', (vm) => (vm.spec.packageRef ? [vm.spec.packageRef.name] : [])),
  ofPool: vms.index('pool', (vm) => (vm.spec.addresses ?? []).map((entry) => entry.poolRef.name)),
  ofVmid: vms.index('vmid', (vm) => (vm.status?.vmid === undefined ? [] : [`${vm.spec.clusterRef.name}/${vm.status.vmid}`])),
})

/** Connects what changes with the VMs it may concern. The answer ends it. */
export function connectWakes(o: { deps: Dependencies; queue: WorkQueue; indexes: VMIndexes; audit: Audit }): () => void {
  const { deps, queue, indexes, audit } = o
  const wake = (vms: readonly ProxmoxVM[]) => vms.forEach((vm) => queue.add(keyOf(vm)))
  const waiting = (vms: readonly ProxmoxVM[]) => wake(vms.filter((vm) => !isSettled(vm)))
  const changed = (vms: readonly ProxmoxVM[]) => {
    waiting(vms)
    for (const vm of vms) if (isSettled(vm)) audit.soon(keyOf(vm))
  }
  const inventories = new Map<object, () => void>()
  const silences = new Map<string, () => void>()
  const ends = [
    deps.vms.subscribe(({ key, old, new: now }) => {
      if (!old || !now || !isOwnEcho(old, now)) queue.add(key)
    }),
    deps.kinds.subscribe(() => wake(deps.vms.list().filter(({ metadata }) => metadata.deletionTimestamp !== undefined))),
    deps.packages.subscribe(({ key }) => wake(indexes.ofPackage(key))),
    deps.pools.subscribe(({ key, old, new: now }) => {
      if (old?.metadata.generation !== now?.metadata.generation) changed(indexes.ofPool(key))
    }),
    deps.clusterObjects.subscribe(({ key, old, new: now }) => {
      if (old?.metadata.generation !== now?.metadata.generation) waiting(indexes.ofCluster(key))
    }),
    deps.commands.subscribe(({ old, new: now }) => {
      const command = now ?? old
      if (command && !command.status?.finishedAt) queue.add(`${command.metadata.namespace}/${command.spec.vmRef.name}`)
    }),
    deps.namespaces.subscribe(() => waiting(deps.vms.list())),
    deps.clusters.subscribe((name) => {
      const cluster = deps.clusters.get(name)
      waiting(indexes.ofCluster(name))
      if (!cluster || inventories.has(cluster)) return
      const slots = cluster.cloneSlots.subscribe((key) => queue.addFirst(key))
      const identity = cluster.identity.subscribe(() => wake(indexes.ofCluster(name)))
      const brake = cluster.deletions.subscribe((key) => queue.addFirst(key))
      const listed = cluster.inventory.subscribe(({ vmids, nodes, reachability }) => {
        if (reachability === false)
          silences.set(
            name,
            deps.clock.after(unreachableMs, () => wake(indexes.ofCluster(name))),
          )
        // One listing tells how all of them are, also those that were called unreachable.
        if (reachability) {
          silences.get(name)?.()
          wake(indexes.ofCluster(name).filter((vm) => !isSettled(vm) || isCalledUnreachable(vm)))
        }
        if (reachability === undefined && (vmids.size > 0 || nodes.size > 0)) wake(indexes.ofCluster(name).filter(mayBeHelped))
        for (const vmid of vmids) wake(indexes.ofVmid(`${name}/${vmid}`))
      })
      inventories.set(cluster, () => {
        slots()
        brake()
        identity()
        listed()
      })
    }),
  ]
  wake(deps.vms.list())
  return () => {
    for (const end of [...ends, ...inventories.values(), ...silences.values()]) end()
  }
}

/** What the listing showed and another may not: a template that comes, a node that is back and its storages with it, a VMID that is free. */
const readFromListing: ReadonlySet<Reason> = new Set<Reason>([
  'TemplateNotFound',
  'TemplateNotTemplate',
  'TemplateAmbiguous',
  'NoCapacity',
  'NoCloudInitDrive',
  'VMIDTaken',
  'VMIDsExhausted',
  'BackupsUnseen',
])

const isCalledUnreachable = (vm: ProxmoxVM) => conditionOf(vm.status?.conditions, 'Ready')?.reason === 'ClusterUnreachable'

const mayBeHelped = (vm: ProxmoxVM) => readFromListing.has(conditionOf(vm.status?.conditions, 'Stalled')?.reason as Reason)

/** Our own status writes come back through the watch; they ask for nothing. */
function isOwnEcho(old: ProxmoxVM, now: ProxmoxVM): boolean {
  const asked = (vm: ProxmoxVM) => {
    const { uid, generation, deletionTimestamp, labels, annotations } = vm.metadata
    return JSON.stringify([uid, generation, deletionTimestamp, labels, annotations, dnsUnderWay(vm), dnsHolds(vm)])
  }
  return asked(old) === asked(now)
}
