import type { Identity } from '../access/identity.ts'
import type { Guest } from '../guests/guest.ts'
import type { Storage } from '../storage/table.ts'
import { isUp, type Node, type World } from '../world/world.ts'

type Row = Record<string, unknown>

/** Broadcasts older than this are dropped (PVE::API2Tools). */
const staleMs = 300_000

/** The guest's memory that the node's figures count. */
function runningBytes(world: World, node: string): number {
  let bytes = 0
  for (const [vmid, said] of world.published) {
    if (said.node === node && said.sinceMs !== undefined && world.guests.get(vmid)?.isRunning) bytes += said.maxmem
  }
  return bytes
}

/** A guest in /cluster/resources: place, lock and tags as they are now, everything else as pvestatd said at its last tick. */
export function guestRow(world: World, who: Identity, guest: Guest): Row {
  const base: Row = { id: `${guest.kind}/${guest.vmid}`, type: guest.kind, vmid: guest.vmid, node: guest.node }
  const tags = guest.config.get('tags')
  const pool = world.access.poolOf(guest.vmid)
  if (guest.lock !== undefined) base['lock'] = guest.lock
  if (tags !== undefined) base['tags'] = tags
  if (pool !== undefined && world.access.has(who, `/pool/${pool}`, 'Pool.Audit')) base['pool'] = pool
  const hastate = world.ha.stateInList(guest.vmid)
  if (hastate !== undefined) base['hastate'] = hastate
  const said = world.published.get(guest.vmid)
  // Broadcasts are kept by VMID for the whole cluster: a guest that has moved keeps its row.
  if (said === undefined || world.clock.since(said.atMs) > staleMs) return { ...base, status: 'unknown' }
  const isUp = said.sinceMs !== undefined
  return {
    ...base,
    name: said.name,
    status: said.status,
    template: said.template ? 1 : 0,
    uptime: isUp ? Math.floor((said.atMs - (said.sinceMs ?? said.atMs)) / 1000) : 0,
    maxcpu: said.maxcpu,
    cpu: 0,
    maxmem: said.maxmem,
    mem: isUp ? Math.floor(said.maxmem / 2) : 0,
    ...(world.isNine ? { memhost: 0 } : {}),
    maxdisk: said.maxdisk,
    disk: 0,
    netin: said.netIn,
    netout: said.netOut,
    diskread: 0,
    diskwrite: 0,
  }
}

/** A node that is there but has said nothing for five minutes is unknown (PVE::API2Tools extract_node_stats). */
function nodeState(world: World, node: Node): string {
  if (!isUp(node)) return 'offline'
  return world.clock.since(node.saidAtMs) > staleMs ? 'unknown' : 'online'
}

/** A node; its figures only for those who may see them. */
export function nodeRow(world: World, who: Identity, node: Node): Row {
  const base: Row = { id: `node/${node.name}`, type: 'node', node: node.name, status: nodeState(world, node), level: '' }
  if (!world.access.has(who, `/nodes/${node.name}`, 'Sys.Audit')) return base
  if (base['status'] === 'unknown') return base
  if (!isUp(node)) return { ...base, maxcpu: node.cpus, maxmem: node.memoryBytes }
  const local = world.storage.usage('local', node.name)
  return {
    ...base,
    maxcpu: node.cpus,
    cpu: 0.01,
    maxmem: node.memoryBytes,
    mem: Math.min(node.memoryBytes, 1_600_000_000 + Math.floor(runningBytes(world, node.name) / 2)),
    maxdisk: local.totalBytes,
    disk: local.usedBytes,
    uptime: Math.floor((world.clock.now() - node.bootMs) / 1000),
  }
}

/** One storage on one node. */
function storageRow(world: World, storage: Storage, node: Node): Row {
  const { totalBytes, usedBytes } = world.storage.usage(storage.storage, node.name)
  const isThere = storage.online && world.clock.since(node.saidAtMs) <= staleMs
  return {
    id: `storage/${node.name}/${storage.storage}`,
    type: 'storage',
    storage: storage.storage,
    node: node.name,
    plugintype: storage.type,
    content: storage.content.join(','),
    shared: storage.shared ? 1 : 0,
    status: isThere ? 'available' : 'unknown',
    ...(isThere ? { maxdisk: totalBytes, disk: usedBytes } : {}),
  }
}

/** Every storage that is not disabled, on every node that has it (pve-manager, API2::Cluster resources). */
export function storageRows(world: World): { storage: Storage; row: Row }[] {
  return [...world.nodes.values()].flatMap((node) =>
    world.storage.usableOn(node.name).map((storage) => ({ storage, row: storageRow(world, storage, node) })),
  )
}
