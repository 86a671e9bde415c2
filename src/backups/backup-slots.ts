/** How many backups are made at the same time: so many a node, and so many a storage. */
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import type { PveCluster } from '../cluster/cluster.ts'

/** A node of PVE holds a lock of its own over vzdump, so that more than one only waits there. */
const usualPerNode = 1
const usualPerStorage = 4

interface Spot {
  readonly node: string
  readonly storage: string
}

interface Place extends Spot {
  readonly cluster: string
  /** It is being deleted, and PVE's answer to its request was lost. */
  readonly isLost?: boolean
}

type ClusterLimits = Pick<PveCluster, 'name' | 'spec'>

/** For an index of the store: the cluster that was asked for it, until it is finished. */
export const clusterAsked = ({ status }: ProxmoxVMBackup): string[] => {
  const { cluster, requestedAt, finishedAt } = status ?? {}
  return cluster !== undefined && requestedAt !== undefined && finishedAt === undefined ? [cluster] : []
}

export class BackupSlots {
  /** By uid of the backup: taken in this process, perhaps not in the store yet. */
  readonly #taken = new Map<string, Place>()
  /** Those whose request PVE has not begun within a minute: they are waited for longer, and hold nobody up. */
  readonly #overdue = new Set<string>()
  readonly #asked: (cluster: string) => readonly ProxmoxVMBackup[]

  /** `asked`: backups of that cluster which PVE was asked for and which are not finished (`clusterAsked`). */
  constructor(asked: (cluster: string) => readonly ProxmoxVMBackup[]) {
    this.#asked = asked
  }

  /** Undefined: it has its slot. Else what it waits for. */
  take(cluster: ClusterLimits, uid: string, at: Spot): string | undefined {
    const queue = this.queue(cluster, uid, at)
    if (queue !== undefined) return queue
    this.#taken.set(uid, { cluster: cluster.name, ...at })
    this.#overdue.delete(uid)
    return undefined
  }

  /** What it would wait for; undefined: there is a slot for it now. */
  queue({ name, spec }: ClusterLimits, uid: string, at: Spot): string | undefined {
    const others = [...this.#places(uid, name)]
    const onNode = others.filter(({ node }) => node === at.node)
    const onStorage = others.filter(({ storage }) => storage === at.storage)
    const perNode = spec.limits.backupsPerNode ?? usualPerNode
    const perStorage = spec.limits.backupsPerStorage ?? usualPerStorage
    if (onNode.length >= perNode)
      return `node ${at.node} makes ${onNode.length} already (limits.backupsPerNode is ${perNode})${lostOf(onNode)}`
    if (onStorage.length >= perStorage)
      return `storage ${at.storage} takes ${onStorage.length} already (limits.backupsPerStorage is ${perStorage})${lostOf(onStorage)}`
    return undefined
  }

  release(uid: string): void {
    this.#taken.delete(uid)
    this.#overdue.delete(uid)
  }

  /** PVE has not begun its request within a minute. */
  noteOverdue(uid: string): void {
    this.#overdue.add(uid)
  }

  /** PVE has begun its request, perhaps late. */
  noteBegun(uid: string): void {
    this.#overdue.delete(uid)
  }

  isOverdue(uid: string): boolean {
    return this.#overdue.has(uid)
  }

  *#places(uid: string, cluster: string): Generator<Place> {
    const isCounted = (other: string) => other !== uid && !this.#overdue.has(other)
    const asked = new Map(this.#asked(cluster).map((backup) => [backup.metadata.uid ?? '', backup]))
    for (const [other, place] of this.#taken)
      if (isCounted(other) && place.cluster === cluster) yield { ...place, isLost: isLost(asked.get(other)) }
    for (const [other, backup] of asked) {
      const { node = '', storage = '' } = backup.status ?? {}
      if (isCounted(other) && !this.#taken.has(other)) yield { cluster, node, storage, isLost: isLost(backup) }
    }
  }
}

const isLost = (backup: ProxmoxVMBackup | undefined): boolean =>
  backup?.metadata.deletionTimestamp !== undefined && backup.status?.upid === undefined

const lostOf = (places: readonly Place[]): string =>
  places.some((place) => place.isLost)
    ? ", counting one that was deleted before PVE's answer came, which PVE may begin within a minute"
    : ''
