/** How many backups are made at the same time: so many a node, and so many a storage. */
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import type { PveCluster } from '../cluster/cluster.ts'

/** A node of PVE holds a lock of its own over vzdump, so that more than one only waits there. */
const usualPerNode = 1
const usualPerStorage = 4

interface Place {
  readonly cluster: string
  readonly node: string
  readonly storage: string
}

export class BackupSlots {
  /** By uid of the backup: taken in this process, perhaps not in the store yet. */
  readonly #taken = new Map<string, Place>()
  readonly #open: () => readonly ProxmoxVMBackup[]

  /** `open`: backups that are not finished. */
  constructor(open: () => readonly ProxmoxVMBackup[]) {
    this.#open = open
  }

  /** Undefined: it has its slot. Else what it waits for. */
  take({ name, spec }: PveCluster, uid: string, at: { readonly node: string; readonly storage: string }): string | undefined {
    const wanted = { cluster: name, ...at }
    const others = [...this.#places(uid)].filter(({ cluster }) => cluster === name)
    const onNode = others.filter(({ node }) => node === at.node).length
    const onStorage = others.filter(({ storage }) => storage === at.storage).length
    const perNode = spec.limits.backupsPerNode ?? usualPerNode
    const perStorage = spec.limits.backupsPerStorage ?? usualPerStorage
    if (onNode >= perNode) return `node ${at.node} makes ${onNode} already (limits.backupsPerNode is ${perNode})`
    if (onStorage >= perStorage) return `storage ${at.storage} takes ${onStorage} already (limits.backupsPerStorage is ${perStorage})`
    this.#taken.set(uid, wanted)
    return undefined
  }

  release(uid: string): void {
    this.#taken.delete(uid)
  }

  *#places(uid: string): Generator<Place> {
    const seen = new Set([uid])
    for (const [other, place] of this.#taken) {
      if (seen.has(other)) continue
      seen.add(other)
      yield place
    }
    for (const { metadata, status } of this.#open()) {
      const { cluster, node, storage, requestedAt, finishedAt } = status ?? {}
      if (seen.has(metadata.uid ?? '') || requestedAt === undefined || finishedAt !== undefined) continue
      if (cluster !== undefined && node !== undefined && storage !== undefined) yield { cluster, node, storage }
    }
  }
}
