/** ProxmoxCluster.status.deletions: what the brake on deletions has counted, kept over restarts. */
import type { CountedDeletion } from '../api/proxmoxcluster-status.ts'
import { readCluster, type StatusPlace, writeClusterStatus } from './status-write.ts'

/** Where the brake keeps what it has counted. */
export interface DeletionRecord {
  read(): Promise<readonly CountedDeletion[]>
  /** Throws when it could not be written: then nothing may be destroyed. */
  write(counted: readonly CountedDeletion[]): Promise<void>
}

export class StatusDeletionRecord implements DeletionRecord {
  readonly #place: StatusPlace

  constructor(place: StatusPlace) {
    this.#place = place
  }

  async read(): Promise<readonly CountedDeletion[]> {
    return (await readCluster(this.#place)).status?.deletions?.counted ?? []
  }

  async write(counted: readonly CountedDeletion[]): Promise<void> {
    await writeClusterStatus(this.#place, (status) => ({ ...status, deletions: { ...status.deletions, counted: [...counted] } }))
  }
}
