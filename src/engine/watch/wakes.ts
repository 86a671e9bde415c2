import type { ProxmoxVMBackup } from '../../api/proxmoxvmbackup.ts'
import type { ProxmoxVMCommand } from '../../api/proxmoxvmcommand.ts'
import type { ProxmoxVMSnapshot } from '../../api/proxmoxvmsnapshot.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { dnsHolds, dnsUnderWay } from '../../dns/vm-status.ts'
import { keyOf } from '../../kube/keys.ts'
import type { WorkQueue } from '../../kube/queue.ts'
import type { Store } from '../../kube/store.ts'
import type { Audit } from './audit.ts'
import type { Dependencies } from '../dependencies.ts'
import { isSettled } from '../status.ts'
import { wakeByListing } from './listing-wakes.ts'

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
  ofVmid: vms.index('vmid', (vm) => {
    const vmid = vm.status?.vmid ?? adoptedVmid(vm)
    return vmid === undefined ? [] : [`${vm.spec.clusterRef.name}/${vmid}`]
  }),
})

/** The guest that is to become this VM: it waits for its lock, say. */
const adoptedVmid = ({ spec: { adopt } }: ProxmoxVM): number | undefined => (adopt?.mode === 'Take' ? adopt.vmid : undefined)

/** Connects what changes with the VMs it may concern. The answer ends it. */
export function connectWakes(o: {
  deps: Dependencies
  queue: WorkQueue
  indexes: VMIndexes
  audit: Audit
  /** The power of that VM may have changed: it is asked itself. */
  askPower: (key: string) => void
}): () => void {
  const { deps, queue, indexes, audit, askPower } = o
  const touch = (key: string, what: 'power' | 'any') => {
    const vm = deps.vms.get(key)
    if (vm && isSettled(vm) && what === 'any') audit.soon(key)
    else askPower(key)
  }
  const wake = (vms: readonly ProxmoxVM[]) => vms.forEach((vm) => queue.add(keyOf(vm)))
  // One whose pass is under way may be about to say that it waits.
  const waiting = (vms: readonly ProxmoxVM[]) => wake(vms.filter((vm) => !isSettled(vm) || queue.isRunning(keyOf(vm))))
  const changed = (vms: readonly ProxmoxVM[]) => {
    waiting(vms)
    for (const vm of vms) if (isSettled(vm)) audit.soon(keyOf(vm))
  }
  const inventories = new Map<object, () => void>()
  const ends = [
    deps.vms.subscribe(({ key, old, new: now }) => {
      if (!old || !now || !isOwnEcho(old, now)) queue.add(key)
    }),
    deps.kinds.subscribe(() => wake(deps.vms.list().filter(({ metadata }) => metadata.deletionTimestamp !== undefined))),
    // Its status, what can still be sold, changes with every VM that is made.
    deps.packages.subscribe(({ key, old, new: now }) => {
      if (old?.metadata.uid !== now?.metadata.uid || old?.metadata.generation !== now?.metadata.generation) wake(indexes.ofPackage(key))
    }),
    deps.pools.subscribe(({ key, old, new: now }) => {
      if (old?.metadata.generation !== now?.metadata.generation) changed(indexes.ofPool(key))
    }),
    deps.clusterObjects.subscribe(({ key, old, new: now }) => {
      if (old?.metadata.generation !== now?.metadata.generation) waiting(indexes.ofCluster(key))
    }),
    wakeByCommands(deps, queue),
    wakeBySnapshots(deps, queue),
    deps.backups.subscribe(({ old, new: now }) => {
      const backup = now ?? old
      if (backup && !(old && now && isSameBackup(old, now))) queue.add(`${backup.metadata.namespace}/${backup.spec.vmRef.name}`)
    }),
    deps.namespaces.subscribe(() => waiting(deps.vms.list())),
    deps.clusters.subscribe((name) => {
      const cluster = deps.clusters.get(name)
      waiting(indexes.ofCluster(name))
      if (!cluster || inventories.has(cluster)) return
      const slots = cluster.cloneSlots.subscribe((key) => queue.addFirst(key))
      const identity = cluster.identity.subscribe(() => wake(indexes.ofCluster(name)))
      const firewall = cluster.firewall.subscribe(() => {
        // Each may have a status to write.
        for (const vm of indexes.ofCluster(name)) queue.addAfter(keyOf(vm), cluster.unseenWrites.reserveMs())
      })
      const brake = cluster.deletions.subscribe((key) => queue.addFirst(key))
      const listed = wakeByListing({ cluster, indexes, wake, touch, clock: deps.clock })
      inventories.set(cluster, () => {
        slots()
        brake()
        firewall()
        identity()
        listed()
      })
    }),
  ]
  // What a former process left under way goes before what is at rest: a fleet has thousands of those.
  const all = deps.vms.list()
  waiting(all)
  wake(all)
  for (const { metadata, spec } of deps.backups.list()) queue.add(`${metadata.namespace}/${spec.vmRef.name}`)
  return () => {
    for (const end of [...ends, ...inventories.values()]) end()
  }
}

/** Also one whose VM was gone before this process began. Our own status writes ask for nothing: each pass that writes one says when it looks again. */
function wakeByCommands({ commands }: Dependencies, queue: WorkQueue): () => void {
  const wake = (command?: ProxmoxVMCommand) => {
    if (command && !command.status?.finishedAt) queue.add(`${command.metadata.namespace}/${command.spec.vmRef.name}`)
  }
  commands.list().forEach(wake)
  return commands.subscribe(({ old, new: now }) => {
    if (!old || !now || !isSameCommand(old, now)) wake(now ?? old)
  })
}

const isSameCommand = ({ metadata: old }: ProxmoxVMCommand, { metadata: now }: ProxmoxVMCommand): boolean =>
  old.uid === now.uid && old.deletionTimestamp === now.deletionTimestamp

/** Also of VMs that are gone. Our own status writes ask for nothing. */
function wakeBySnapshots({ snapshots }: Dependencies, queue: WorkQueue): () => void {
  const wake = ({ metadata, spec }: ProxmoxVMSnapshot) => queue.add(`${metadata.namespace}/${spec.vmRef.name}`)
  snapshots.list().forEach(wake)
  return snapshots.subscribe(({ old, new: now }) => {
    const one = now ?? old
    if (one && (!old || !now || old.metadata.deletionTimestamp !== now.metadata.deletionTimestamp)) wake(one)
  })
}

/** Only its status differs, and that is ours. */
const isSameBackup = (old: ProxmoxVMBackup, now: ProxmoxVMBackup): boolean =>
  old.metadata.uid === now.metadata.uid &&
  old.metadata.generation === now.metadata.generation &&
  old.metadata.deletionTimestamp === now.metadata.deletionTimestamp &&
  JSON.stringify(old.metadata.annotations) === JSON.stringify(now.metadata.annotations)

/** Our own status writes come back through the watch; they ask for nothing. */
function isOwnEcho(old: ProxmoxVM, now: ProxmoxVM): boolean {
  const asked = (vm: ProxmoxVM) => {
    const { uid, generation, deletionTimestamp, labels, annotations } = vm.metadata
    return JSON.stringify([uid, generation, deletionTimestamp, labels, annotations, dnsUnderWay(vm), dnsHolds(vm)])
  }
  return asked(old) === asked(now)
}
