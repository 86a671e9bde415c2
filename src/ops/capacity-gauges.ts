/** Gauges of what nodes and storages have room for: for whoever decides when to buy the next one. */
import { Gauge, type Registry } from 'prom-client'

/** What a cluster's newest listing says of its rooms, in bytes. */
export interface ClusterCapacity {
  readonly cluster: string
  /** `committed`: given to guests, running or not. */
  readonly nodes: readonly { readonly node: string; readonly totalBytes: number; readonly committedBytes: number }[]
  /** `node` is empty for a shared storage, which is counted once. */
  readonly storages: readonly { readonly storage: string; readonly node: string; readonly totalBytes: number; readonly usedBytes: number }[]
}

/** Asked at each scrape; a cluster, node or storage that is gone takes its series along. */
export function registerCapacity(registry: Registry, capacity: () => readonly ClusterCapacity[]): void {
  const memory = new Gauge({
    name: 'pve_operator_node_memory_bytes',
    help: 'Memory of a node (kind total), and what of it is given to guests, running or not (kind committed).',
    labelNames: ['cluster', 'node', 'kind'],
    registers: [registry],
    collect() {
      memory.reset()
      for (const { cluster, nodes } of capacity()) {
        for (const { node, totalBytes, committedBytes } of nodes) {
          memory.set({ cluster, node, kind: 'total' }, totalBytes)
          memory.set({ cluster, node, kind: 'committed' }, committedBytes)
        }
      }
    },
  })
  const storage = new Gauge({
    name: 'pve_operator_storage_bytes',
    help: 'Size of a storage that holds disks (kind total), and what of it is used (kind used). Shared storages have no node.',
    labelNames: ['cluster', 'storage', 'node', 'kind'],
    registers: [registry],
    collect() {
      storage.reset()
      for (const { cluster, storages } of capacity()) {
        for (const { storage: name, node, totalBytes, usedBytes } of storages) {
          storage.set({ cluster, storage: name, node, kind: 'total' }, totalBytes)
          storage.set({ cluster, storage: name, node, kind: 'used' }, usedBytes)
        }
      }
    },
  })
}
