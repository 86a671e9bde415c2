/** What goes on about backups beside the passes over VMs: the census of files, and the schedules. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import { BackupCensus } from './backup-census.ts'
import { BackupScheduler } from './backup-scheduler.ts'

export class BackupBackground {
  readonly census: BackupCensus
  readonly #scheduler: BackupScheduler

  /** `wake`: something about that VM's backups has changed. */
  constructor(o: { deps: Dependencies; vmsOf: (cluster: string) => readonly ProxmoxVM[]; wake: (key: string) => void }) {
    this.census = new BackupCensus(o)
    this.#scheduler = new BackupScheduler(o)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#scheduler.run(signal)
  }
}
