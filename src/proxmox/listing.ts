import { flag, listOf, number, type Row, text } from './fields.ts'

/** One guest of the cluster listing. `node`, `lock`, `tags` and existence are live; `status`, `name`, `template` and sizes are up to 12 s old. */
export interface GuestRow {
  readonly vmid: number
  readonly node: string
  readonly kind: 'qemu' | 'lxc'
  /** QEMU's run state (`running`, `paused`, `io-error`…), `stopped`, or `unknown` until the node's next tick and while it is down. */
  readonly status: string
  readonly lock?: string
  /** Absent until the node's next tick; a reused VMID shows its predecessor's. No evidence of identity. */
  readonly name?: string
  readonly template: boolean
  readonly tags: readonly string[]
  /** The pool of PVE it is in; absent also where the token may not see the pool (Pool.Audit). */
  readonly pool?: string
  readonly maxMemBytes: number
  /** cores × sockets, or `vcpus`. */
  readonly maxCpu: number
  readonly uptimeSeconds: number
  /** Bytes its network cards have taken in and sent out since its process began, as old as `status`; 0 while it is off, absent while that is unknown. */
  readonly netInBytes?: number
  readonly netOutBytes?: number
  /** What high availability says of it (`started`, `error`, `ignored` …), live. Absent: it does not look after the guest. */
  readonly haState?: string
}

export interface NodeRow {
  readonly node: string
  /** False: the cluster says that it is off. A node that only tells nothing about itself (`unknown`) is online without figures. */
  readonly online: boolean
  /** Its pvestatd has told something within the last 5 minutes (pve-manager, API2Tools extract_node_stats). */
  readonly hasFigures: boolean
  /** The HA manager moves its guests away and puts none there (hastate `maintenance`). */
  readonly isInMaintenance: boolean
  /** 0 without Sys.Audit on the node, or while it is off. */
  readonly maxMemBytes: number
  readonly maxCpu: number
}

/** A storage as one node sees it: a shared one has a row per node. */
export interface StorageRow {
  readonly storage: string
  readonly node: string
  readonly shared: boolean
  readonly content: readonly string[]
  readonly available: boolean
  readonly usedBytes: number
  readonly totalBytes: number
  readonly pluginType: string
}

/** One answer of `GET /cluster/resources`. */
export interface Listing {
  /** When the request was sent: what happened later may be missing. */
  readonly startedAtMs: number
  readonly guests: ReadonlyMap<number, GuestRow>
  readonly nodes: ReadonlyMap<string, NodeRow>
  readonly storages: readonly StorageRow[]
  readonly allNodesOnline: boolean
}

export function listingOf(rows: readonly Row[], startedAtMs: number): Listing {
  const guests = new Map<number, GuestRow>()
  const nodes = new Map<string, NodeRow>()
  const storages: StorageRow[] = []
  for (const row of rows) {
    const kind = row['type']
    if (kind === 'qemu' || kind === 'lxc') {
      const guest = guestOf(row, kind)
      guests.set(guest.vmid, guest)
    } else if (kind === 'node') {
      const node = nodeOf(row)
      nodes.set(node.node, node)
    } else if (kind === 'storage') storages.push(storageRowOf(row))
  }
  const allNodesOnline = nodes.size > 0 && [...nodes.values()].every(({ online, hasFigures }) => online && hasFigures)
  return { startedAtMs, guests, nodes, storages, allNodesOnline }
}

function guestOf(row: Row, kind: 'qemu' | 'lxc'): GuestRow {
  const lock = text(row, 'lock')
  const name = text(row, 'name')
  const pool = text(row, 'pool')
  const haState = text(row, 'hastate')
  const [netInBytes, netOutBytes] = [number(row, 'netin'), number(row, 'netout')]
  return {
    vmid: number(row, 'vmid') ?? 0,
    node: text(row, 'node') ?? '',
    kind,
    status: text(row, 'status') ?? 'unknown',
    ...(lock !== undefined && lock !== '' && { lock }),
    ...(name !== undefined && { name }),
    ...(pool !== undefined && pool !== '' && { pool }),
    template: flag(row, 'template'),
    tags: tagsOf(text(row, 'tags')),
    maxMemBytes: number(row, 'maxmem') ?? 0,
    maxCpu: number(row, 'maxcpu') ?? 0,
    uptimeSeconds: number(row, 'uptime') ?? 0,
    ...(netInBytes !== undefined && netOutBytes !== undefined && { netInBytes, netOutBytes }),
    ...(haState !== undefined && haState !== '' && { haState }),
  }
}

const noTags: readonly string[] = []
const tagsOf = (tags: string | undefined): readonly string[] => (tags === undefined || tags === '' ? noTags : listOf(tags))

const nodeOf = (row: Row): NodeRow => ({
  node: text(row, 'node') ?? '',
  online: row['status'] !== 'offline',
  hasFigures: row['status'] === 'online',
  isInMaintenance: row['hastate'] === 'maintenance',
  maxMemBytes: number(row, 'maxmem') ?? 0,
  maxCpu: number(row, 'maxcpu') ?? 0,
})

const storageRowOf = (row: Row): StorageRow => ({
  storage: text(row, 'storage') ?? '',
  node: text(row, 'node') ?? '',
  shared: flag(row, 'shared'),
  content: listOf(text(row, 'content')),
  available: row['status'] === 'available',
  usedBytes: number(row, 'disk') ?? 0,
  totalBytes: number(row, 'maxdisk') ?? 0,
  pluginType: text(row, 'plugintype') ?? '',
})

/** Guests for which something that steers us changed: where, what state, which lock, which names. Load and uptime do not count. */
export function changedGuests(before: Listing | undefined, after: Listing): Set<number> {
  const changed = new Set<number>()
  const toggled = new Set(
    [...toggledNodes(before, after)].filter((node) => before?.nodes.get(node)?.online !== after.nodes.get(node)?.online),
  )
  for (const [vmid, guest] of after.guests) {
    const former = before?.guests.get(vmid)
    if (former === undefined || !sameGuest(former, guest) || toggled.has(guest.node)) changed.add(vmid)
  }
  for (const vmid of before?.guests.keys() ?? []) if (!after.guests.has(vmid)) changed.add(vmid)
  return changed
}

/** Nodes that came, went, or changed between online and not, in maintenance and not, with figures and without. */
export function toggledNodes(before: Listing | undefined, after: Listing): Set<string> {
  const toggled = new Set<string>()
  for (const node of after.nodes.values()) if (!isSameNode(before?.nodes.get(node.node), node)) toggled.add(node.node)
  for (const node of before?.nodes.keys() ?? []) if (!after.nodes.has(node)) toggled.add(node)
  return toggled
}

/** So much more room at once is worth a try; what guests trim and write is less. */
const muchRoomBytes = 2 ** 30

/** Storages that came, went, became available or not, allow other content than before, or have much more room, on some node. */
export function changedStorages(before: Listing | undefined, after: Listing): Set<string> {
  const former = new Map(before?.storages.map((row) => [placeOf(row), row]))
  const changed = new Set<string>()
  for (const row of after.storages) {
    if (!isSameStorage(former.get(placeOf(row)), row)) changed.add(row.storage)
    former.delete(placeOf(row))
  }
  for (const { storage } of former.values()) changed.add(storage)
  return changed
}

const placeOf = ({ node, storage }: StorageRow): string => `${node}/${storage}`

const isSameStorage = (before: StorageRow | undefined, after: StorageRow): boolean =>
  before?.available === after.available &&
  before.shared === after.shared &&
  before.content.join() === after.content.join() &&
  roomOf(after) - roomOf(before) < muchRoomBytes

const roomOf = ({ totalBytes, usedBytes }: StorageRow): number => totalBytes - usedBytes

const isSameNode = (before: NodeRow | undefined, after: NodeRow): boolean =>
  before?.online === after.online && before.hasFigures === after.hasFigures && before.isInMaintenance === after.isInMaintenance

/** Nothing that steers us differs. */
export const sameGuest = (a: GuestRow, b: GuestRow): boolean =>
  a.node === b.node &&
  a.status === b.status &&
  a.lock === b.lock &&
  a.name === b.name &&
  a.template === b.template &&
  a.kind === b.kind &&
  a.haState === b.haState &&
  a.tags.length === b.tags.length &&
  a.tags.every((tag, at) => tag === b.tags[at])

/**
 * Whether this listing proves that no guest has the VMID: every node answers for itself and the listing began late enough.
 * It shows only what the token may see, so a teardown asks once more (presence.ts) before anything is given away.
 */
export const lacksGuest = (listing: Listing, vmid: number, notBeforeMs: number): boolean =>
  listing.allNodesOnline && listing.startedAtMs >= notBeforeMs && !listing.guests.has(vmid)
