import type { ProxmoxClusterSpec } from '../api/proxmoxcluster.ts'
import type { NodeRow, Listing } from '../proxmox/listing.ts'
import { inGiB, type Lack, needs, type Promised, storageLack, tellLacks } from './room.ts'
import { isOnSharedStorage, type TemplateFacts } from './template-facts.ts'

const bytesPerMiB = 1024 * 1024

export interface PlacementWish {
  /** spec.placement.node: the only candidate. */
  readonly pinnedNode?: string
  /** ProxmoxCluster.spec.nodes; absent = all. */
  readonly allowedNodes?: readonly string[]
  /** ProxmoxCluster.spec.cordon. */
  readonly cordoned?: readonly string[]
  /** Nodes that lack something the VM needs, told elsewhere. */
  readonly unfit?: ReadonlyMap<string, unknown>
  /** ProxmoxCluster.spec.overcommit; absent fields: no limit, and for storages what is free. */
  readonly overcommit?: { readonly cpu?: number; readonly memory?: number; readonly storage?: number }
  /** With overcommit.storage: bytes of all disks in MiB, by `node/storage`. */
  readonly promisedMiB?: ReadonlyMap<string, number>
  /** A thin storage may be promised more than is free. */
  readonly mayOverdraw?: boolean
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
  /** `overdrawn`: why there is no room for all of its disks on a thin storage. */
  | { readonly is: 'placed'; readonly node: string; readonly source: TemplateFacts; readonly overdrawn?: string }
  /** What is short, as one sentence. `lacks`: what the nodes lack; `without`: the part of the sentence about nodes not considered. */
  | { readonly is: 'short'; readonly message: string; readonly lacks?: readonly Lack[]; readonly without?: string }

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
  const without = closed.length > 0 ? ` (not considered: ${closed.join(', ')})` : ''
  if (nodes.length === 0) return short(noNode(wish, closed, listing))
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
  if (best === undefined && !wish.mayOverdraw && lacks.some((lack) => 'isThin' in lack)) {
    const drawn = place({ ...wish, mayOverdraw: true }, templates, listing, promised)
    if (drawn.is === 'placed') return { ...drawn, overdrawn: tellLacks(lacks.filter((lack) => 'isThin' in lack)) }
  }
  return best === undefined ? { ...short(`${tellLacks(lacks)}${without}`), lacks, without } : { is: 'placed', ...best }
}

const short = (message: string): Extract<Placement, { is: 'short' }> => ({ is: 'short', message })
const compareNames = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
const isAllowed = (node: string, wish: PlacementWish): boolean =>
  (wish.allowedNodes?.includes(node) ?? true) &&
  wish.unfit?.has(node) !== true &&
  (wish.pinnedNode === undefined || wish.pinnedNode === node)

/** Where a ProxmoxCluster lets new VMs go. */
export const openNodes = ({ nodes, cordon }: ProxmoxClusterSpec): Pick<PlacementWish, 'allowedNodes' | 'cordoned'> => ({
  ...(nodes && { allowedNodes: nodes }),
  ...(cordon && { cordoned: cordon }),
})

/** Why no new VM may come to the node, with its name: `pve2 is cordoned`. Undefined: it may. Existing VMs are left alone in any case. */
export function closedBy(
  { node, online, isInMaintenance, hasFigures }: NodeRow,
  wish: Pick<PlacementWish, 'cordoned'>,
): string | undefined {
  if (!online) return `${node} is offline`
  if (isInMaintenance) return `${node} is in maintenance`
  if (wish.cordoned?.includes(node)) return `${node} is cordoned`
  return hasFigures ? undefined : `${node} reports no figures (pvestatd)`
}

function noNode(wish: PlacementWish, closed: readonly string[], listing: Listing): string {
  if (closed.length > 0) return `no allowed node accepts new VMs: ${closed.join(', ')}`
  if (wish.pinnedNode === undefined) return 'PVE shows none of the allowed nodes'
  const open = [...listing.nodes.values()].flatMap(({ node }) => (isAllowed(node, { ...wish, pinnedNode: node }) ? [node] : []))
  return `node ${wish.pinnedNode} (spec.placement.node) is not in the PVE cluster or not allowed in the ProxmoxCluster (spec.nodes); there are ${open.toSorted(compareNames).join(', ') || 'none'}`
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
  if (hasMiB > 0 && wish.memoryMiB > hasMiB)
    return { text: `${node} has ${hasMiB} MiB of memory in total, the VM needs ${wish.memoryMiB} MiB` }
  const hasCpus = machine?.maxCpu ?? 0
  if (hasCpus > 0 && (wish.cpus ?? 0) > hasCpus) return { text: `${node} has ${hasCpus} CPUs, the VM needs ${wish.cpus}` }
  const overdrawn = nodeLack(node, wish, listing, promised)
  if (overdrawn) return overdrawn
  const copied = needs(source, { linked: wish.linked, ...(wish.storage && { storage: wish.storage }), additionalDisks: [] })
  for (const [storage, neededMiB] of needs(source, wish)) {
    const room = { storage, node, neededMiB, copiedMiB: copied.get(storage) ?? 0, mayOverdraw: wish.mayOverdraw === true }
    const promisedMiB = wish.promisedMiB?.get(`${node}/${storage}`)
    const lack = storageLack({ ...room, ratio: wish.overcommit?.storage, promisedMiB }, listing, promised)
    if (lack !== undefined) return lack
  }
  return undefined
}

/** What spec.overcommit leaves of CPUs and memory of a node. */
function nodeLack(node: string, wish: PlacementWish, listing: Listing, promised: readonly Promised[]): Lack | undefined {
  const { memory, cpu } = nodeShares(node, wish.overcommit, listing, promised)
  if (memory && memory.givenMiB + wish.memoryMiB > memory.mayMiB)
    return {
      text: `${node} has promised ${inGiB(memory.givenMiB)} of ${inGiB(memory.mayMiB)} of memory (overcommit.memory ${wish.overcommit?.memory}), the VM needs ${inGiB(wish.memoryMiB)}`,
    }
  if (!cpu || cpu.given + (wish.cpus ?? 1) <= cpu.may) return undefined
  return {
    text: `${node} has promised ${cpu.given} of ${cpu.may} CPUs (overcommit.cpu ${wish.overcommit?.cpu}), the VM needs ${wish.cpus ?? 1}`,
  }
}

/** How much of a node may be promised, and is. Absent: without a ratio, or the node tells nothing, there is no limit. */
export interface NodeShares {
  readonly memory?: { readonly mayMiB: number; readonly givenMiB: number }
  readonly cpu?: { readonly may: number; readonly given: number }
}

export function nodeShares(
  node: string,
  { memory, cpu }: NonNullable<PlacementWish['overcommit']> = {},
  listing: Listing,
  promised: readonly Promised[],
): NodeShares {
  const { maxMemBytes = 0, maxCpu = 0 } = listing.nodes.get(node) ?? {}
  return {
    ...(memory !== undefined &&
      maxMemBytes > 0 && {
        memory: {
          mayMiB: Math.floor((maxMemBytes * memory) / bytesPerMiB),
          givenMiB: Math.ceil(committedBytes(node, listing, promised) / bytesPerMiB),
        },
      }),
    ...(cpu !== undefined && maxCpu > 0 && { cpu: { may: Math.floor(maxCpu * cpu), given: committedCpus(node, listing, promised) } }),
  }
}

function committedCpus(node: string, { guests }: Listing, promised: readonly Promised[]): number {
  const promises = new Map(promised.map((each) => [each.vmid, each]))
  const others = [...guests.values()].filter((guest) => guest.node === node && !guest.template && !promises.has(guest.vmid))
  const coming = [...promises.values()].filter((each) => (guests.get(each.vmid)?.node ?? each.node) === node)
  return others.reduce((sum, guest) => sum + guest.maxCpu, 0) + coming.reduce((sum, each) => sum + (each.cpus ?? 1), 0)
}

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
