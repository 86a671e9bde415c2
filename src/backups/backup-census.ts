/** Which backup files PVE has of each VM, whoever made them: every storage is listed as a whole, one after another, in the background. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMBackupStatus } from '../api/proxmoxvmbackup.ts'
import { timeInSeconds } from '../api/time.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import { type BackupPlace, backupPlaces, madeSinceSeconds, uidsOf } from '../engine/remove/backups.ts'
import { keyOf } from '../kube/keys.ts'
import { isBackupOf, parseBackupMark } from '../ladder/backup-mark.ts'
import type { BackgroundSource } from '../ops/background-budget.ts'
import type { Backup } from '../proxmox/answers.ts'

/** A storage that has just come is listed after this long: what makes a cluster ready goes first. */
const firstMs = 10_000
/** Between two readings of one storage. What we make and delete ourselves is noted at once. */
const periodMs = 600_000

/** As much of a file as has to be remembered. */
interface CountedFile {
  readonly ctime: number
  readonly volid: string
  /** As its notes say: only where they carry our mark. */
  readonly notes?: string
}

interface CountedPlace {
  files: Map<number, CountedFile[]>
}

/** What the files of one VM come to; times in seconds since the epoch by PVE's clock. */
export interface BackupFigures {
  readonly count: number
  readonly newest?: number
  readonly oldest?: number
}

export class BackupCensus {
  readonly #deps: Dependencies
  readonly #vmsOf: (cluster: string) => readonly ProxmoxVM[]
  readonly #wake: (key: string) => void
  /** By the name of the cluster, then by place. */
  readonly #places = new Map<string, Map<string, CountedPlace>>()
  /** When each place is to be asked next (monotonic ms), whatever it answered: one that cannot be read has its turn like the others. */
  readonly #dueMs = new Map<string, number>()

  /** `wake`: the figures of that VM have changed. */
  constructor(o: { deps: Dependencies; vmsOf: (cluster: string) => readonly ProxmoxVM[]; wake: (key: string) => void }) {
    this.#deps = o.deps
    this.#vmsOf = o.vmsOf
    this.#wake = o.wake
  }

  /** The storages of one cluster. */
  of(cluster: PveCluster): BackgroundSource {
    const next = () => {
      const place = this.#next(cluster)
      return place && { rank: 'round' as const, requests: 1, begin: () => void this.#read(cluster, place) }
    }
    return { weight: 1, next }
  }

  /** Undefined until every storage that may have files of the VM was read once. */
  figuresOf({ metadata, spec, status = {} }: Pick<ProxmoxVM, 'metadata' | 'spec' | 'status'>): BackupFigures | undefined {
    const cluster = this.#deps.clusters.get(spec.clusterRef.name)
    const listing = cluster?.inventory.current()
    const read = this.#places.get(spec.clusterRef.name)
    if (!cluster || !listing || !read || status.vmid === undefined) return undefined
    const places = backupPlaces(listing, status).map((place) => read.get(nameOf(place)))
    if (places.some((place) => place === undefined)) return undefined
    const sinceSeconds = madeSinceSeconds(cluster, status)
    const uids = uidsOf(metadata.uid ?? '', status)
    const all = [...read.values()].flatMap(({ files }) => files.get(status.vmid ?? 0) ?? [])
    const times = all.filter((file) => isBackupOf(file, { uids, sinceSeconds })).map(({ ctime }) => ctime)
    return times.length === 0 ? { count: 0 } : { count: times.length, newest: Math.max(...times), oldest: Math.min(...times) }
  }

  /** We have made it. */
  add({ cluster = '', storage = '', node = '', vmid = 0 }: ProxmoxVMBackupStatus, file: Backup): void {
    const place = this.#placeOf(cluster, storage, node)
    this.#deps.clusters.get(cluster)?.backupFiles.add({ storage, node }, vmid)
    const files = place?.files.get(vmid) ?? []
    if (!files.some(({ volid }) => volid === file.volid)) place?.files.set(vmid, [...files, counted(file)])
  }

  /** We have deleted it. */
  remove({ cluster = '', storage = '', node = '', vmid = 0, volume }: ProxmoxVMBackupStatus): void {
    const place = this.#placeOf(cluster, storage, node)
    const left = (place?.files.get(vmid) ?? []).filter(({ volid }) => volid !== volume)
    if (left.length > 0) place?.files.set(vmid, left)
    else place?.files.delete(vmid)
  }

  #placeOf(cluster: string, storage: string, node: string): CountedPlace | undefined {
    const places = this.#places.get(cluster)
    return places?.get(storage) ?? places?.get(`${storage} ${node}`)
  }

  /** The place that has been due longest, in a cluster that has VMs of ours. */
  #next(cluster: PveCluster): BackupPlace | undefined {
    const listing = cluster.inventory.current()
    if (this.#vmsOf(cluster.name).length === 0) return void this.#places.delete(cluster.name)
    if (!listing || (cluster.facts()?.missingOptional ?? []).some(({ capability }) => capability === 'backup')) return undefined
    const nowMs = this.#deps.clock.monotonicMs()
    let best: { place: BackupPlace; dueMs: number } | undefined
    for (const place of backupPlaces(listing, {})) {
      const key = `${cluster.name} ${nameOf(place)}`
      const dueMs = this.#dueMs.get(key) ?? nowMs + firstMs
      this.#dueMs.set(key, dueMs)
      if (place.isOff === undefined && dueMs <= nowMs && dueMs < (best?.dueMs ?? Infinity)) best = { place, dueMs }
    }
    return best?.place
  }

  /** What cannot be read keeps its former figures until the next turn. */
  async #read(cluster: PveCluster, place: BackupPlace): Promise<void> {
    const places = this.#places.get(cluster.name) ?? new Map<string, CountedPlace>()
    this.#places.set(cluster.name, places)
    const known = places.get(nameOf(place))
    this.#dueMs.set(`${cluster.name} ${nameOf(place)}`, this.#deps.clock.monotonicMs() + periodMs)
    try {
      const listed = await cluster.pve.backupsOnStorage(place.node, place.storage)
      const files = Map.groupBy(listed.map(counted), (file) => file.vmid)
      places.set(nameOf(place), { files })
      cluster.backupFiles.note(place, files.keys())
      this.#wakeChanged(cluster.name, known ? changedIn(known.files, files) : undefined)
    } catch (err) {
      this.#deps.log.warn({ cluster: cluster.name, storage: place.storage, err }, 'failed to list backups; retrying in ten minutes')
    }
  }

  /** `vmids`: whose files have changed. Undefined: a place was read for the first time, and it may have been the last one. */
  #wakeChanged(cluster: string, vmids: ReadonlySet<number> | undefined): void {
    if (vmids?.size === 0) return
    const places = [...(this.#places.get(cluster)?.values() ?? [])]
    const isOfInterest = (vmid: number) => vmids?.has(vmid) ?? places.some(({ files }) => files.has(vmid))
    for (const vm of this.#deps.vms.list()) {
      const { vmid } = vm.status ?? {}
      if (vm.spec.clusterRef.name !== cluster || vmid === undefined || !isOfInterest(vmid)) continue
      if (!isShown(vm, this.figuresOf(vm))) this.#wake(keyOf(vm))
    }
  }
}

/** VMs of which there are other files than before. */
function changedIn(before: ReadonlyMap<number, readonly CountedFile[]>, after: ReadonlyMap<number, readonly CountedFile[]>): Set<number> {
  const named = (files: readonly CountedFile[] | undefined) =>
    (files ?? [])
      .map(({ volid }) => volid)
      .toSorted()
      .join()
  const vmids = new Set([...before.keys(), ...after.keys()])
  return new Set([...vmids].filter((vmid) => named(before.get(vmid)) !== named(after.get(vmid))))
}

const counted = ({ ctime, volid, vmid, notes }: Backup): CountedFile & { vmid: number } => ({
  ctime,
  volid,
  vmid,
  ...(notes !== undefined && parseBackupMark(notes) && { notes }),
})

/** A shared storage is one place; an own one is one on each node. */
const nameOf = ({ storage, node, isShared }: BackupPlace) => (isShared ? storage : `${storage} ${node}`)

/** A VM that never had a backup says nothing of them. */
function isShown({ status }: ProxmoxVM, figures: BackupFigures | undefined): boolean {
  const { count = 0, newest } = status?.backups ?? {}
  return figures === undefined || (figures.count === count && fileTime(figures.newest) === newest)
}

export const fileTime = (seconds: number | undefined): string | undefined =>
  seconds === undefined ? undefined : timeInSeconds(seconds * 1000)
