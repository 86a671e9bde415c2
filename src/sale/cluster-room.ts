/** What a ProxmoxCluster has left for new VMs, taken once from its listing for all packages (pure). */
import type { ProxmoxClusterSpec } from '../api/proxmoxcluster.ts'
import { ratiosOf } from '../cluster/overcommit.ts'
import { closedBy, nodeShares, openNodes } from '../cluster/placement.ts'
import { promisableMiB, type Promised, promisedOn, unusedMiB } from '../cluster/room.ts'
import type { VmidRange } from '../cluster/vmids.ts'
import type { Listing, NodeRow, StorageRow } from '../proxmox/listing.ts'

const bytesPerMiB = 1024 * 1024

/** A storage as one node sees it. */
export interface StorageLeft {
  readonly leftMiB: number
  readonly isShared: boolean
}

/** An open node. */
export interface NodeLeft {
  readonly node: string
  /** What it has in all; 0: it does not tell. A single VM must fit. */
  readonly memoryMiB: number
  readonly cpus: number
  /** Absent: spec.overcommit sets no limit. */
  readonly memoryLeftMiB?: number
  readonly cpusLeft?: number
  readonly hasTemplate: boolean
  /** Only those that take disks of VMs and are available. */
  readonly storages: ReadonlyMap<string, StorageLeft>
}

export interface ClusterLeft {
  readonly nodes: readonly NodeLeft[]
  /** Why other nodes take no VM: `pve3 is offline`. */
  readonly closed: readonly string[]
  readonly vmids: VmidRange
  readonly takenVmids: ReadonlySet<number>
  /** PVE shows a template on some node that is online. */
  readonly hasTemplate: boolean
}

export interface ClusterSeen {
  readonly spec: ProxmoxClusterSpec
  readonly listing: Listing
  /** VMs on their way that the listing does not show, or not yet with their size. */
  readonly promised: readonly Promised[]
  /** VMIDs that objects hold, whether PVE shows them or not. */
  readonly heldVmids: readonly number[]
  /** Used bytes of a storage, without the wobble of what guests write. */
  readonly usedBytes: (row: StorageRow) => number
  /** MiB of all disks on a storage, with their full size. */
  readonly diskMiB: (row: StorageRow) => number
}

export function clusterLeftOf(seen: ClusterSeen): ClusterLeft {
  const { spec, listing } = seen
  const { allowedNodes, cordoned } = openNodes(spec)
  const allowed = [...listing.nodes.values()]
    .filter(({ node }) => allowedNodes?.includes(node) ?? true)
    .toSorted((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }))
  const reasons = allowed.map((row) => ({ row, closed: closedBy(row, { ...(cordoned && { cordoned }) }) }))
  const templates = new Set([...listing.guests.values()].flatMap(({ kind, template, node }) => (kind === 'qemu' && template ? [node] : [])))
  return {
    nodes: reasons.flatMap(({ row, closed }) => (closed === undefined ? [nodeLeftOf(row, seen, templates.has(row.node))] : [])),
    closed: reasons.flatMap(({ closed }) => closed ?? []),
    vmids: spec.vmids,
    takenVmids: new Set([...listing.guests.keys(), ...seen.heldVmids, ...seen.promised.map(({ vmid }) => vmid)]),
    hasTemplate: [...templates].some((node) => listing.nodes.get(node)?.online === true),
  }
}

function nodeLeftOf({ node, maxMemBytes, maxCpu }: NodeRow, seen: ClusterSeen, hasTemplate: boolean): NodeLeft {
  const { spec, listing, promised } = seen
  const { memory, cpu } = nodeShares(node, spec.overcommit && ratiosOf(spec.overcommit), listing, promised)
  const rows = listing.storages.filter((row) => row.node === node && row.available && row.content.includes('images'))
  return {
    node,
    memoryMiB: Math.floor(maxMemBytes / bytesPerMiB),
    cpus: maxCpu,
    ...(memory && { memoryLeftMiB: memory.mayMiB - memory.givenMiB }),
    ...(cpu && { cpusLeft: cpu.may - cpu.given }),
    hasTemplate,
    storages: new Map(rows.map((row) => [row.storage, { leftMiB: leftOn(row, seen), isShared: row.shared }])),
  }
}

/** Without overcommit.storage what is free, also on thin storages: a birth may promise more there, with a warning, and a shop should not. */
function leftOn(row: StorageRow, { spec, listing, promised, usedBytes, diskMiB }: ClusterSeen): number {
  const underWayMiB = promisedOn(row, listing, promised)
  const { storage: ratio } = spec.overcommit ? ratiosOf(spec.overcommit) : {}
  const freeMiB = unusedMiB({ totalBytes: row.totalBytes, usedBytes: usedBytes(row) })
  return (ratio === undefined ? freeMiB : promisableMiB(row, ratio, diskMiB(row))) - underWayMiB
}
