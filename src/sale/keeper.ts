/** Keeps VMPackage.status.sellable: counted from the listings that are there, written when a figure changes and at most once a minute. */
import { type Namespace, vmPackages } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { parseSizeMiB } from '../api/size.ts'
import type { Sellable, VMPackage } from '../api/vmpackage.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { ClusterDirectory } from '../cluster/directory.ts'
import type { Promised } from '../cluster/room.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import { isNotFound } from '../kube/kube-error.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import type { Listing, StorageRow } from '../proxmox/listing.ts'
import { storageOf } from '../proxmox/property-string.ts'
import { clusterLeftOf } from './cluster-room.ts'
import { type ClusterOnSale, sellableRows } from './rows.ts'
import { SteadyFigures } from './steady-figures.ts'

/** Counting costs some milliseconds for ten thousand VMs, and asks nobody. */
const countMs = 10_000
/** Between two writes of one package. */
const writeMs = 60_000
const longestSummary = 1024

export interface SellableOptions {
  readonly client: KubeClient
  readonly packages: Store<VMPackage>
  readonly clusters: Store<ProxmoxCluster>
  readonly namespaces: Store<Namespace>
  readonly vmsOf: (cluster: string) => readonly ProxmoxVM[]
  readonly directory: Pick<ClusterDirectory, 'get'>
  /** VMs on their way to a place of that cluster. */
  readonly promised: (cluster: PveCluster, listing: Listing) => readonly Promised[]
  readonly clock: Clock
  /** Throws once this process must write nothing more. */
  readonly mayAct: () => void
  readonly onFault: (fault: unknown) => void
}

export class SellableKeeper {
  readonly #o: SellableOptions
  readonly #steady = new Map<string, SteadyFigures>()
  /** By name of the package: when it was last written. */
  readonly #writtenAtMs = new Map<string, number>()
  /** What an API server with an older CustomResourceDefinition did not take. */
  readonly #refused = new Map<string, readonly Sellable[]>()

  constructor(o: SellableOptions) {
    this.#o = o
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isWell = await this.#round(signal)
      await this.#o.clock.sleep(isWell ? countMs : writeMs, signal)
    }
  }

  async #round(signal: AbortSignal): Promise<boolean> {
    try {
      const packages = this.#o.packages.list()
      const clusters = packages.length === 0 ? [] : this.#o.clusters.list().map((object) => this.#onSale(object))
      for (const one of packages) if (!signal.aborted) await this.#tell(one, clusters)
      this.#forgetGone(new Set(packages.map(({ metadata }) => metadata.name)))
      return true
    } catch (fault) {
      if (!signal.aborted) this.#o.onFault(fault)
      return false
    }
  }

  #onSale(object: ProxmoxCluster): ClusterOnSale {
    const { name } = object.metadata
    const cluster = this.#o.directory.get(name)
    const listing = cluster?.inventory.current()
    if (!cluster || !listing || cluster.inventory.lastFailure !== undefined) return { object }
    const vms = this.#o.vmsOf(name)
    const ours = disksOf(vms)
    const steady = this.#steady.get(name) ?? new SteadyFigures(this.#o.clock)
    this.#steady.set(name, steady)
    steady.look(listing, ours.all)
    const left = clusterLeftOf({
      spec: object.spec,
      listing,
      promised: this.#o.promised(cluster, listing),
      heldVmids: vms.flatMap(({ status }) => status?.vmid ?? []),
      usedBytes: (row) => steady.usedBytes(row),
      diskMiB: (row) => steady.diskMiB(row, ours.on(row), cluster.promised.last(row.node, row.storage)),
    })
    return { object, seen: { left, listing, vms } }
  }

  async #tell(one: VMPackage, clusters: readonly ClusterOnSale[]): Promise<void> {
    const { name, deletionTimestamp } = one.metadata
    const { client, packages, namespaces, clock } = this.#o
    const sellable = sellableRows(one, clusters, namespaces.list())
    const isTold = isSameJson(sellable, this.#refused.get(name) ?? one.status?.sellable ?? [])
    const wroteAtMs = this.#writtenAtMs.get(name)
    const isEarly = wroteAtMs !== undefined && clock.monotonicMs() - wroteAtMs < writeMs
    if (isTold || isEarly || deletionTimestamp !== undefined) return
    const summary = sellable
      .map(({ cluster, count }) => `${cluster} ${count}`)
      .join(', ')
      .slice(0, longestSummary)
    this.#o.mayAct()
    this.#writtenAtMs.set(name, clock.monotonicMs())
    try {
      packages.put(await client.mergePatch(vmPackages, { name }, { status: { sellable, summary } }, { subresource: 'status' }))
      this.#refused.delete(name)
    } catch (fault) {
      if (!isNotFound(fault)) throw fault
      // The package is gone, or its kind is from a version without status.
      this.#refused.set(name, sellable)
    }
  }

  #forgetGone(names: ReadonlySet<string>): void {
    for (const name of this.#writtenAtMs.keys()) if (!names.has(name)) this.#writtenAtMs.delete(name)
    for (const name of this.#refused.keys()) if (!names.has(name)) this.#refused.delete(name)
    for (const name of this.#steady.keys()) if (!this.#o.clusters.get(name)) this.#steady.delete(name)
  }
}

/** MiB of the disks that our VMs have, in all and by storage. */
function disksOf(vms: readonly ProxmoxVM[]): { readonly all: number; readonly on: (row: StorageRow) => number } {
  const byPlace = new Map<string, number>()
  let all = 0
  for (const { status } of vms) {
    for (const { volume, size } of status?.disks ?? []) {
      const [storage, sizeMiB] = [storageOf(volume ?? ''), size === undefined ? 0 : parseSizeMiB(size)]
      all += sizeMiB
      for (const place of [`/${storage}`, `${status?.node}/${storage}`]) byPlace.set(place, (byPlace.get(place) ?? 0) + sizeMiB)
    }
  }
  return { all, on: ({ node, storage, shared }) => byPlace.get(shared ? `/${storage}` : `${node}/${storage}`) ?? 0 }
}
