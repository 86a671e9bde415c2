import type { GuestRow, NodeRow, Listing, StorageRow } from '../proxmox/listing.ts'
import { isOnSharedStorage, type TemplateFacts } from './template-facts.ts'

const bytesPerMiB = 1024 * 1024

/** A VM that was promised a place and that the listing does not show, or not yet with its size. */
export interface Promised {
  readonly vmid: number
  readonly node: string
  readonly memoryMiB: number
  readonly disks: readonly { readonly storage: string; readonly sizeMiB: number }[]
}

export interface PlacementWish {
  /** spec.placement.node: the only candidate. */
  readonly pinnedNode?: string
  /** ProxmoxCluster.spec.nodes; absent = all. */
  readonly allowedNodes?: readonly string[]
  /** ProxmoxCluster.spec.cordon. */
  readonly cordoned?: readonly string[]
  /** Nodes that lack something the VM needs, told elsewhere. */
  readonly unfit?: ReadonlyMap<string, unknown>
  /** Linked clones share the template's blocks: only what they grow and add is counted. */
  readonly linked: boolean
  /** Target of a full clone; absent = where the template's disks are. */
  readonly storage?: string
  /** Wanted size; the template's counts if it is larger or this is absent. */
  readonly systemDiskMiB?: number
  /** Without a storage they go to `storage`, else to the system disk's. */
  readonly additionalDisks: readonly { readonly storage?: string; readonly sizeMiB: number }[]
  readonly memoryMiB: number
  /** cores × sockets: PVE refuses to start a VM with more than its node has. */
  readonly cpus?: number
}

export type Placement =
  | { readonly is: 'placed'; readonly node: string; readonly source: TemplateFacts }
  /** What is short, as one sentence. */
  | { readonly is: 'short'; readonly message: string }

interface Candidate {
  readonly node: string
  readonly source: TemplateFacts
}

/**
 * The allowed, online node with a copy of the template (or with its disks on shared storage) and room, that has the least memory
 * committed; ties by name. Memory is a preference and not a limit, as long as the VM alone fits the node: PVE overcommits.
 */
export function place(
  wish: PlacementWish,
  templates: readonly TemplateFacts[],
  listing: Listing,
  promised: readonly Promised[] = [],
): Placement {
  const allowed = [...listing.nodes.values()].filter(({ node }) => isAllowed(node, wish))
  const closed = allowed.flatMap((node) => closedBy(node, wish) ?? [])
  const nodes = allowed.filter((node) => closedBy(node, wish) === undefined)
  const without = closed.length > 0 ? ` (left out: ${closed.join(', ')})` : ''
  if (nodes.length === 0) return short(noNode(wish, closed))
  const candidates = nodes.flatMap(({ node }) => candidateOn(node, wish, templates, listing))
  if (candidates.length === 0) return short(`${noCopy(nodes, templates)}${without}`)
  const lacks: Lack[] = []
  const fitting = candidates.filter((candidate) => {
    const lack = lackOf(candidate, wish, listing, promised)
    if (lack !== undefined) lacks.push(lack)
    return lack === undefined
  })
  const committed = new Map(fitting.map(({ node }) => [node, committedBytes(node, listing, promised)]))
  const best = fitting.toSorted((a, b) => committed.get(a.node)! - committed.get(b.node)! || compareNames(a.node, b.node))[0]
  return best === undefined ? short(`${tellLacks(lacks)}${without}`) : { is: 'placed', ...best }
}

const short = (message: string): Placement => ({ is: 'short', message })
const compareNames = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
const isAllowed = (node: string, wish: PlacementWish): boolean =>
  (wish.allowedNodes?.includes(node) ?? true) &&
  wish.unfit?.has(node) !== true &&
  (wish.pinnedNode === undefined || wish.pinnedNode === node)

/** Why no new VM may come to the node, with its name: `pve2 is cordoned`. Undefined: it may. Existing VMs are left alone in any case. */
export function closedBy(
  { node, online, isInMaintenance, hasFigures }: NodeRow,
  wish: Pick<PlacementWish, 'cordoned'>,
): string | undefined {
  if (!online) return `${node} is offline`
  if (isInMaintenance) return `${node} is in maintenance`
  if (wish.cordoned?.includes(node)) return `${node} is cordoned`
  return hasFigures ? undefined : `${node} tells no figures (pvestatd)`
}

function noNode(wish: PlacementWish, closed: readonly string[]): string {
  if (closed.length > 0) return `no allowed node takes new VMs: ${closed.join(', ')}`
  return wish.pinnedNode === undefined
    ? 'PVE shows none of the allowed nodes'
    : `node ${wish.pinnedNode} is not in the cluster or not allowed by it`
}

function noCopy(nodes: readonly NodeRow[], templates: readonly TemplateFacts[]): string {
  const has = templates.map(({ vmid, node }) => `${vmid} on ${node}`).join(', ')
  return `no allowed node has the template or sees all of its storages: ${nodes.map(({ node }) => node).join(', ')} allowed and online, the template is ${has}`
}

/** A copy of its own before one that PVE would have to send across. */
function candidateOn(node: string, wish: PlacementWish, templates: readonly TemplateFacts[], listing: Listing): Candidate[] {
  const own = templates.find((template) => template.node === node)
  const source = own ?? templates.find((template) => reaches(template, node, wish, listing))
  return source === undefined ? [] : [{ node, source }]
}

/** PVE clones to another node only when template and target are on shared storage, and its own node has to be up for it. */
function reaches(template: TemplateFacts, node: string, wish: PlacementWish, { nodes, storages }: Listing): boolean {
  if (nodes.get(template.node)?.online !== true || !isOnSharedStorage(template, storages)) return false
  const target = wish.linked ? undefined : wish.storage
  const needed = target === undefined ? template.storages : [...template.storages, target]
  return needed.every((storage) => storages.some((row) => row.storage === storage && row.node === node && row.shared))
}

function lackOf({ node, source }: Candidate, wish: PlacementWish, listing: Listing, promised: readonly Promised[]): Lack | undefined {
  const machine = listing.nodes.get(node)
  const hasMiB = Math.floor((machine?.maxMemBytes ?? 0) / bytesPerMiB)
  if (hasMiB > 0 && wish.memoryMiB > hasMiB) return { text: `${node} has ${hasMiB} MiB of memory in all, ${wish.memoryMiB} MiB are wanted` }
  const hasCpus = machine?.maxCpu ?? 0
  if (hasCpus > 0 && (wish.cpus ?? 0) > hasCpus) return { text: `${node} has ${hasCpus} CPUs, ${wish.cpus} are wanted` }
  for (const [storage, neededMiB] of needs(source, wish)) {
    const row = listing.storages.find((each) => each.storage === storage && each.node === node)
    const lack = storageLack(row, storage, node, neededMiB, listing, promised)
    if (lack !== undefined) return lack
  }
  return undefined
}

function storageLack(
  row: StorageRow | undefined,
  storage: string,
  node: string,
  neededMiB: number,
  listing: Listing,
  promised: readonly Promised[],
): Lack | undefined {
  if (row === undefined) return { text: `${node} has no storage ${storage}` }
  if (!row.available) return { text: `storage ${storage} is not available on ${node}` }
  if (!row.content.includes('images')) return { text: `storage ${storage} takes no disk images` }
  const freeMiB = Math.floor((row.totalBytes - row.usedBytes) / bytesPerMiB) - promisedOn(row, listing, promised)
  if (freeMiB >= neededMiB) return undefined
  return { storage, node, freeMiB: Math.max(0, freeMiB), neededMiB }
}

/** Why a node cannot take the VM: no room, or anything else. */
type Lack =
  | { readonly text: string }
  | { readonly storage: string; readonly node: string; readonly freeMiB: number; readonly neededMiB: number }

/** `no node has room for 1500 GiB on storage fast: ams1 776 GiB free, ams2 766 GiB`. */
function tellLacks(lacks: readonly Lack[]): string {
  const texts = lacks.flatMap((lack) => ('text' in lack ? [lack.text] : []))
  const rooms = lacks.flatMap((lack) => ('text' in lack ? [] : [lack]))
  const storages = [...new Set(rooms.map(({ storage }) => storage))].map((storage) => {
    const [first, ...others] = rooms.filter((room) => room.storage === storage)
    const free = [`${first?.node} ${inGiB(first?.freeMiB ?? 0)} free`, ...others.map(({ node, freeMiB }) => `${node} ${inGiB(freeMiB)}`)]
    return `no node has room for ${inGiB(first?.neededMiB ?? 0)} on storage ${storage}: ${free.join(', ')}`
  })
  return [...new Set([...storages, ...texts])].join('; ')
}

const inGiB = (sizeMiB: number): string => `${Math.floor((sizeMiB / 1024) * 10) / 10} GiB`

/** MiB by storage. */
function needs(source: TemplateFacts, wish: PlacementWish): Map<string, number> {
  const needed = new Map<string, number>()
  const add = (storage: string, sizeMiB: number) => needed.set(storage, (needed.get(storage) ?? 0) + sizeMiB)
  const target = wish.linked ? undefined : wish.storage
  for (const disk of source.disks) {
    const wanted = disk === source.systemDisk ? Math.max(disk.sizeMiB, wish.systemDiskMiB ?? 0) : disk.sizeMiB
    add(target ?? disk.storage, wish.linked ? wanted - disk.sizeMiB : wanted)
  }
  for (const disk of wish.additionalDisks) {
    const storage = disk.storage ?? target ?? source.systemDisk?.storage
    if (storage !== undefined) add(storage, disk.sizeMiB)
  }
  return needed
}

/** What clones under way will still take: the listing's figures do not have it yet. */
function promisedOn(row: StorageRow, listing: Listing, promised: readonly Promised[]): number {
  return promised
    .filter(({ node, vmid }) => (row.shared || node === row.node) && !isKnown(listing.guests.get(vmid)))
    .flatMap(({ disks }) => disks)
    .reduce((sum, disk) => sum + (disk.storage === row.storage ? disk.sizeMiB : 0), 0)
}

/** A guest that is copied whole and has been seen by its node's statistics. */
const isKnown = (guest: GuestRow | undefined): boolean => guest !== undefined && guest.lock !== 'clone' && guest.status !== 'unknown'

/** Memory of a node that is given away: to guests, running or not, and to clones under way. */
export function committedBytes(node: string, { guests }: Listing, promised: readonly Promised[]): number {
  const promises = new Map(promised.map((each) => [each.vmid, each]))
  let sum = 0
  for (const guest of guests.values()) {
    if (guest.node === node && !guest.template && !promises.has(guest.vmid)) sum += guest.maxMemBytes
  }
  for (const each of promises.values()) {
    const guest = guests.get(each.vmid)
    if ((guest?.node ?? each.node) === node) sum += Math.max(guest?.maxMemBytes ?? 0, each.memoryMiB * bytesPerMiB)
  }
  return sum
}
