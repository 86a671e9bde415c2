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
  readonly #asked: (cluster: string) => readonly ProxmoxVMBackup[]

  /** `asked`: backups of that cluster which PVE was asked for and which are not finished (`clusterAsked`). */
  constructor(asked: (cluster: string) => readonly ProxmoxVMBackup[]) {
    this.#asked = asked
  }

  /** Undefined: it has its slot. Else what it waits for. */
  take(cluster: ClusterLimits, uid: string, at: Spot): string | undefined {
    const queue = this.queue(cluster, uid, at)
    if (queue === undefined) this.#taken.set(uid, { cluster: cluster.name, ...at })
    return queue
  }

  /** What it would wait for; undefined: there is a slot for it now. */
  queue({ name, spec }: ClusterLimits, uid: string, at: Spot): string | undefined {
    const others = [...this.#places(uid, name)]
    const onNode = others.filter(({ node }) => node === at.node).length
    const onStorage = others.filter(({ storage }) => storage === at.storage).length
    const perNode = spec.limits.backupsPerNode ?? usualPerNode
    const perStorage = spec.limits.backupsPerStorage ?? usualPerStorage
    if (onNode >= perNode) return `node ${at.node} makes ${onNode} already (limits.backupsPerNode is ${perNode})`
    if (onStorage >= perStorage) return `storage ${at.storage} takes ${onStorage} already (limits.backupsPerStorage is ${perStorage})`
    return undefined
  }

  release(uid: string): void {
    this.#taken.delete(uid)
  }

  *#places(uid: string, cluster: string): Generator<Place> {
    for (const [other, place] of this.#taken) if (other !== uid && place.cluster === cluster) yield place
    for (const { metadata, status } of this.#asked(cluster)) {
      const { node = '', storage = '' } = status ?? {}
      const other = metadata.uid ?? ''
      if (other !== uid && !this.#taken.has(other)) yield { cluster, node, storage }
    }
  }
}
