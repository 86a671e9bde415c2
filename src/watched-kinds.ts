/** What the operator watches of its own and other kinds, and what it keeps of each object. */
import {
  dnsZones,
  ipPools,
  namespaces,
  poolAddresses,
  proxmoxClusters,
  proxmoxVMBackups,
  proxmoxVMCommands,
  proxmoxVMConsoles,
  proxmoxVMSnapshots,
  proxmoxVMs,
  vmPackages,
} from './api/meta.ts'
import { leanVMs } from './engine/watch/lean-vm.ts'
import type { Caches } from './kube/caches.ts'
import { withoutManifest } from './kube/trim.ts'

export type Stores = ReturnType<typeof watchKinds>

/** The stores are filled once the caches run. PoolAddresses are replaced as a whole from what is kept, so they keep every annotation. */
export function watchKinds(caches: Caches) {
  return {
    vms: caches.watch(proxmoxVMs, leanVMs()),
    packages: caches.watch(vmPackages, withoutManifest),
    pools: caches.watch(ipPools, withoutManifest),
    addresses: caches.watch(poolAddresses),
    clusters: caches.watch(proxmoxClusters, withoutManifest),
    namespaces: caches.watch(namespaces, withoutManifest),
    commands: caches.watch(proxmoxVMCommands, withoutManifest),
    consoles: caches.watch(proxmoxVMConsoles, withoutManifest),
    snapshots: caches.watch(proxmoxVMSnapshots, withoutManifest),
    backups: caches.watch(proxmoxVMBackups, withoutManifest),
    zones: caches.watch(dnsZones, withoutManifest),
  }
}

/** Whose share of a queue the work on a VM or a console takes: a slow cluster must delay no other. Empty: the object is gone. */
export const clusterOfVM =
  ({ vms }: Pick<Stores, 'vms'>) =>
  (key: string): string =>
    vms.get(key)?.spec.clusterRef.name ?? ''

export const clusterOfConsole =
  ({ vms, consoles }: Pick<Stores, 'vms' | 'consoles'>) =>
  (key: string): string => {
    const console = consoles.get(key)
    return console ? clusterOfVM({ vms })(`${console.metadata.namespace}/${console.spec.vmRef.name}`) : ''
  }
