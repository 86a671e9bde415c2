/** What a fleet is made in: a PVE with room for it whose tasks take no time, and the objects it needs. */
import type { KubeObject } from '../api/meta.ts'

export const fleetNamespace = 'fleet'
export const fleetCluster = 'fra1'
/** A token that is not the operator's: what it does is somebody else's doing. */
export const adminToken = { tokenid: 'root@pam!admin', secret: 'admin' }

/** Tasks take a fiftieth of the preset's time; pvestatd keeps its real pace, as it is what a guest's own power change waits for. */
export const fleetScenario = {
  nodes: ['pve1', 'pve2', 'pve3'].map((name) => ({ name, memory: '8192GiB', cpus: 1024 })),
  storages: [
    { storage: 'local-lvm', type: 'lvmthin', size: '500TiB', properties: { thinpool: 'data', vgname: 'pve' } },
    { storage: 'ceph', type: 'rbd', shared: true, size: '500TiB', properties: { krbd: 0, pool: 'ceph' } },
  ],
  tokens: [
    { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
    { ...adminToken, privsep: false },
  ],
  durations: { cloneLinkedMs: 6, cloneSilentMs: 1, configMs: 1, resizeMs: 1, startMs: 10, stopMs: 6, shutdownMs: 20 },
}

export interface Specified extends KubeObject {
  spec?: object
}

/** Room for a fleet: more VMIDs and more requests at once than the example's cluster has. */
export function wider(object: Specified): Specified {
  if (object.kind !== 'ProxmoxCluster') return object
  return { ...object, spec: { ...object.spec, vmids: { from: 10_000, to: 99_999 }, limits: { requests: 32, fullClonesPerNode: 16 } } }
}

export function fleetSetting(): Specified[] {
  const apiVersion = 'pve.hosting/v1alpha1'
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: fleetNamespace } },
    {
      apiVersion,
      kind: 'IPPool',
      metadata: { name: 'fleet' },
      spec: { ranges: ['10.64.0.0/16'], prefixLength: 16, gateway: '10.64.0.1', network: { bridge: 'vmbr0' } },
    },
    { apiVersion, kind: 'VMPackage', metadata: { name: 'fleet' }, spec: { cpu: { cores: 1 }, memory: { size: '512Mi' } } },
  ]
}

export const fleetName = (number: number): string => `vm-${String(number).padStart(5, '0')}`

export function linkedVM(number: number): Specified {
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVM',
    metadata: { name: fleetName(number), namespace: fleetNamespace },
    spec: {
      clusterRef: { name: fleetCluster },
      template: { name: 'debian-13', clone: 'Linked' },
      packageRef: { name: 'fleet' },
      addresses: [{ name: 'main', poolRef: { name: 'fleet' } }],
    },
  }
}

/** Numbers from 1 to `count`, evenly spread, `some` of them, beginning with the `first`. */
export function spread(count: number, some: number, first = 1): number[] {
  const step = Math.max(1, Math.floor(count / some))
  return Array.from({ length: Math.min(some, count) }, (_, at) => ((first - 1 + at * step) % count) + 1)
}
