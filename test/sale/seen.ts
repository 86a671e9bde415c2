/** A cluster of three nodes as its listing shows it, for what is counted of it. */
import type { ProxmoxClusterSpec } from '../../src/api/proxmoxcluster.ts'
import type { Promised } from '../../src/cluster/room.ts'
import { listingOf } from '../../src/proxmox/listing.ts'
import { type ClusterLeft, clusterLeftOf } from '../../src/sale/cluster-room.ts'

export const gib = 1024 ** 3
export const inMiB = (gibibytes: number): number => gibibytes * 1024

export const node = (name: string, o: object = {}) => ({ type: 'node', node: name, status: 'online', maxmem: 64 * gib, maxcpu: 16, ...o })
export const storage = (name: string, on: string, o: object = {}) => ({
  type: 'storage',
  storage: name,
  node: on,
  shared: 0,
  content: 'images,rootdir',
  status: 'available',
  plugintype: 'lvmthin',
  maxdisk: 100 * gib,
  disk: 0,
  ...o,
})
export const guest = (vmid: number, on: string, o: object = {}) => ({
  type: 'qemu',
  vmid,
  node: on,
  status: 'running',
  maxmem: 8 * gib,
  maxcpu: 2,
  ...o,
})
const names = ['pve1', 'pve2', 'pve3']
const ceph = names.map((name) => storage('ceph', name, { shared: 1, plugintype: 'rbd', maxdisk: 1000 * gib, disk: 50 * gib }))

/** Later rows of a node or a guest stand for earlier ones; rows of storages are given whole. */
export const listingWith = (
  rows: readonly object[] = [],
  storages: readonly object[] = [...names.map((name) => storage('lvm', name)), ...ceph],
) =>
  listingOf(
    [
      ...names.map((name) => node(name)),
      ...names.map((name, at) => guest(9000 + at, name, { template: 1, status: 'stopped' })),
      ...storages,
      ...rows,
    ].map((row) => ({ ...row })),
    0,
  )

export const clusterSpec = (o: object = {}): ProxmoxClusterSpec => ({ vmids: { from: 100, to: 9999 }, limits: {}, ...o }) as never

/** Of a cluster with that spec and listing. */
export function leftOf(
  o: {
    spec?: object
    listing?: ReturnType<typeof listingWith>
    promised?: readonly Promised[]
    heldVmids?: readonly number[]
    diskMiB?: number
  } = {},
): ClusterLeft {
  return clusterLeftOf({
    spec: clusterSpec(o.spec),
    listing: o.listing ?? listingWith(),
    promised: o.promised ?? [],
    heldVmids: o.heldVmids ?? [],
    usedBytes: ({ usedBytes }) => usedBytes,
    diskMiB: () => o.diskMiB ?? 0,
  })
}
