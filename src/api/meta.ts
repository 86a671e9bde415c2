import type { Event, Lease, Namespace, Secret } from './core.ts'
import type { DNSZone } from './dnszone.ts'
import { group, version } from './group.ts'
import type { IPPool } from './ippool.ts'
import type { KubeObject } from './object.ts'
import type { PoolAddress } from './pooladdress.ts'
import type { ProxmoxCluster } from './proxmoxcluster.ts'
import type { ProxmoxVM } from './proxmoxvm.ts'
import type { ProxmoxVMBackup } from './proxmoxvmbackup.ts'
import type { ProxmoxVMCommand } from './proxmoxvmcommand.ts'
import type { ProxmoxVMConsole } from './proxmoxvmconsole.ts'
import type { ProxmoxVMSnapshot } from './proxmoxvmsnapshot.ts'
import type { VMPackage } from './vmpackage.ts'

export type { Event, Lease, Namespace, Secret } from './core.ts'
export type { KubeObject, ObjectMeta } from './object.ts'

/** Where the API server serves a kind. `group` is empty for the core group. */
export interface Resource<T extends KubeObject> {
  group: string
  version: string
  plural: string
  kind: string
  namespaced: boolean
  /** Only metadata is read (PartialObjectMetadata): the rest is large and nobody here needs it. */
  metadataOnly?: true
  readonly _type?: T
}

export const proxmoxVMs: Resource<ProxmoxVM> = { group, version, plural: 'proxmoxvms', kind: 'ProxmoxVM', namespaced: true }
export const ipPools: Resource<IPPool> = { group, version, plural: 'ippools', kind: 'IPPool', namespaced: false }
export const poolAddresses: Resource<PoolAddress> = { group, version, plural: 'pooladdresses', kind: 'PoolAddress', namespaced: false }
export const vmPackages: Resource<VMPackage> = { group, version, plural: 'vmpackages', kind: 'VMPackage', namespaced: false }
export const proxmoxClusters: Resource<ProxmoxCluster> = {
  group,
  version,
  plural: 'proxmoxclusters',
  kind: 'ProxmoxCluster',
  namespaced: false,
}

export const proxmoxVMCommands: Resource<ProxmoxVMCommand> = {
  group,
  version,
  plural: 'proxmoxvmcommands',
  kind: 'ProxmoxVMCommand',
  namespaced: true,
}

export const proxmoxVMConsoles: Resource<ProxmoxVMConsole> = {
  group,
  version,
  plural: 'proxmoxvmconsoles',
  kind: 'ProxmoxVMConsole',
  namespaced: true,
}

export const proxmoxVMSnapshots: Resource<ProxmoxVMSnapshot> = {
  group,
  version,
  plural: 'proxmoxvmsnapshots',
  kind: 'ProxmoxVMSnapshot',
  namespaced: true,
}

export const proxmoxVMBackups: Resource<ProxmoxVMBackup> = {
  group,
  version,
  plural: 'proxmoxvmbackups',
  kind: 'ProxmoxVMBackup',
  namespaced: true,
}

export const dnsZones: Resource<DNSZone> = { group, version, plural: 'dnszones', kind: 'DNSZone', namespaced: false }

/** Only their metadata: which of ours is being deleted. */
export const crdResource: Resource<KubeObject> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
  metadataOnly: true,
}

export const secrets: Resource<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
export const namespaces: Resource<Namespace> = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
export const coreEvents: Resource<Event> = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }
export const leases: Resource<Lease> = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true }
