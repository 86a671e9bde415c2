/** How many more VMs of a package a cluster takes, and what ends first (pure). */
import { within } from '../cluster/vmids.ts'
import type { ClusterLeft, NodeLeft } from './cluster-room.ts'
import type { VmNeed } from './vm-need.ts'

export interface SellableCount {
  readonly count: number
  readonly limitedBy: string
}

/** What one node takes, and its own limit: `memory`, `CPUs`, `storage local-lvm`. */
interface NodeCount {
  readonly node: string
  readonly count: number
  readonly limit: string
}

/** Names in a sentence. */
const mostNames = 8
const longestText = 512
/** More than PVE has VMIDs. */
const plenty = 1_000_000_000

/** By the storage for system disks that has the most room, of those that VMs of the package are on. */
export function countSellable(need: VmNeed, left: ClusterLeft): SellableCount {
  const vmids = vmidsLeft(need, left)
  if (left.nodes.length === 0) return told(0, 'no open node', left.closed)
  if (!left.hasTemplate) return told(0, 'no template that the token sees on a node that is online', left.closed)
  const there = new Set(left.nodes.flatMap(({ storages }) => [...storages.keys()]))
  const storages = [...(need.systemStorages ?? there)].toSorted((a, b) => a.localeCompare(b))
  const counts = storages.map((storage) => countOn(storage, need, left))
  const best = counts.reduce<SellableCount>((most, each) => (each.count > most.count ? each : most), counts[0] ?? noStorage)
  const least = vmids.count <= best.count ? vmids : best
  return { ...least, count: twoFigures(least.count) }
}

const noStorage: SellableCount = { count: 0, limitedBy: 'no storage for disks of VMs' }

/** With the system disk on that storage. */
function countOn(system: string, need: VmNeed, left: ClusterLeft): SellableCount {
  const needs = needsWith(system, need)
  const isSharedSystem = left.nodes.some(({ storages }) => storages.get(system)?.isShared)
  const reached = left.nodes.filter(({ hasTemplate }) => hasTemplate || isSharedSystem)
  const closed = [...left.closed, ...left.nodes.flatMap((node) => (reached.includes(node) ? [] : [`${node.node} has no template`]))]
  const nodes = reached.map((node) => countNode(node, needs, need))
  const sum = nodes.reduce((all, { count }) => all + count, 0)
  const shared = [...needs].flatMap(([storage, mib]) => {
    const seen = reached.map(({ storages }) => storages.get(storage)).filter((row) => row?.isShared === true)
    return seen.length === 0 ? [] : [{ storage, count: fits(Math.min(...seen.map((row) => row?.leftMiB ?? 0)), mib) }]
  })
  const least = shared.toSorted((a, b) => a.count - b.count)[0]
  if (least && least.count <= sum) return told(least.count, `storage ${least.storage}`, closed)
  return told(sum, limitOf(nodes), closed)
}

/** MiB by storage. */
function needsWith(system: string, need: VmNeed): Map<string, number> {
  const needs = new Map([[system, need.systemDiskMiB]])
  for (const { storage = system, sizeMiB } of need.additionalDisks) needs.set(storage, (needs.get(storage) ?? 0) + sizeMiB)
  return needs
}

/** Shared storages are counted once for all nodes; here it only matters that the node has them. */
function countNode(node: NodeLeft, needs: ReadonlyMap<string, number>, need: VmNeed): NodeCount {
  const limits: { count: number; limit: string }[] = []
  const tooSmall = (has: number, wanted: number) => has > 0 && wanted > has
  if (tooSmall(node.memoryMiB, need.memoryMiB)) limits.push({ count: 0, limit: 'memory' })
  if (tooSmall(node.cpus, need.cpus)) limits.push({ count: 0, limit: 'CPUs' })
  if (node.memoryLeftMiB !== undefined) limits.push({ count: fits(node.memoryLeftMiB, need.memoryMiB), limit: 'memory' })
  if (node.cpusLeft !== undefined) limits.push({ count: fits(node.cpusLeft, need.cpus), limit: 'CPUs' })
  for (const [storage, mib] of needs) {
    const row = node.storages.get(storage)
    if (row === undefined) limits.push({ count: 0, limit: `no usable storage ${storage}` })
    else if (!row.isShared) limits.push({ count: fits(row.leftMiB, mib), limit: `storage ${storage}` })
  }
  const [least] = limits.toSorted((a, b) => a.count - b.count)
  return { node: node.node, count: plenty, limit: 'VMIDs', ...least }
}

const fits = (left: number, wanted: number): number => (wanted <= 0 ? plenty : Math.max(0, Math.floor(left / wanted)))

/** `memory of node pve1, storage local-lvm on nodes pve2, pve3`. */
function limitOf(nodes: readonly NodeCount[]): string {
  const limits = [...new Set(nodes.map(({ limit }) => limit))]
  const texts = limits.map((limit) => {
    const those = nodes.filter((each) => each.limit === limit).map(({ node }) => node)
    return `${limit} ${limit.includes('storage') ? 'on' : 'of'} ${those.length === 1 ? 'node' : 'nodes'} ${listed(those)}`
  })
  return texts.length === 0 ? 'no open node with a template' : texts.join(', ')
}

const listed = (names: readonly string[]): string =>
  names.length > mostNames ? `${names.slice(0, mostNames).join(', ')} and ${names.length - mostNames} more` : names.join(', ')

const told = (count: number, limit: string, closed: readonly string[]): SellableCount => ({
  count,
  limitedBy: `${limit}${closed.length > 0 ? `; not counted: ${listed(closed)}` : ''}`.slice(0, longestText),
})

function vmidsLeft({ vmids }: VmNeed, left: ClusterLeft): SellableCount {
  const range = within(left.vmids, vmids)
  if (!range) return { count: 0, limitedBy: `VMIDs ${vmids?.from} to ${vmids?.to} of the package, outside the range of the ProxmoxCluster` }
  const taken = [...left.takenVmids].filter((vmid) => range.from <= vmid && vmid <= range.to).length
  return { count: range.to - range.from + 1 - taken, limitedBy: `VMIDs ${range.from} to ${range.to}` }
}

/** Exact up to 100: a shop with so many need not know each change. */
function twoFigures(count: number): number {
  if (count <= 100) return count
  const unit = 10 ** (Math.floor(Math.log10(count)) - 1)
  return Math.floor(count / unit) * unit
}
