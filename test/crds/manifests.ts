/** Good manifests of every kind, and a way to make one bad field of them. */
import {
  ipPools,
  type KubeObject,
  poolAddresses,
  proxmoxClusters,
  proxmoxVMCommands,
  proxmoxVMConsoles,
  proxmoxVMs,
  proxmoxVMSnapshots,
  type Resource,
  vmPackages,
} from '../../src/api/meta.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Fields = { [key: string]: Json }

export const resources = {
  ProxmoxVM: proxmoxVMs,
  IPPool: ipPools,
  PoolAddress: poolAddresses,
  VMPackage: vmPackages,
  ProxmoxCluster: proxmoxClusters,
  ProxmoxVMCommand: proxmoxVMCommands,
  ProxmoxVMConsole: proxmoxVMConsoles,
  ProxmoxVMSnapshot: proxmoxVMSnapshots,
}
export type Kind = keyof typeof resources

const good: Record<Kind, Fields> = {
  ProxmoxVM: {
    clusterRef: { name: 'fra1' },
    template: { name: 'debian-13' },
    packageRef: { name: 'vps-s' },
    addresses: [{ name: 'main', poolRef: { name: 'public-v4' } }],
  },
  IPPool: { ranges: ['203.0.113.10-203.0.113.99', '203.0.113.128/26'], prefixLength: 24, gateway: '203.0.113.1' },
  PoolAddress: { address: '203.0.113.10', poolRef: { name: 'public-v4' } },
  VMPackage: { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } },
  ProxmoxCluster: {
    endpoints: ['https://pve1.example.com:8006'],
    credentialsSecretRef: { namespace: 'pve-system', name: 'fra1-token' },
    vmids: { from: 10000, to: 19999 },
  },
  ProxmoxVMCommand: { vmRef: { name: 'web1' }, command: 'Start' },
  ProxmoxVMConsole: { vmRef: { name: 'web1' } },
  ProxmoxVMSnapshot: { vmRef: { name: 'web1' }, description: 'before the upgrade', ttl: '72h' },
}

/** The good manifest with fields of its spec laid over it; `null` takes a field away, lists are replaced. */
export function manifest(kind: Kind, name: string, changes: Fields = {}, namespace = 'default'): KubeObject & { spec: Fields } {
  const resource: Resource<KubeObject> = resources[kind]
  return {
    apiVersion: `${resource.group}/${resource.version}`,
    kind,
    metadata: { name, ...(resource.namespaced && { namespace }) },
    spec: overlay(good[kind], changes),
  }
}

function overlay(base: Fields, changes: Fields): Fields {
  const out = { ...base }
  for (const [key, to] of Object.entries(changes)) {
    const from = out[key]
    if (to === null) delete out[key]
    else out[key] = isFields(from) && isFields(to) ? overlay(from, to) : to
  }
  return out
}

const isFields = (value: Json | undefined): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
