import type { Promised } from '../proxmox/placement.ts'

export interface Intent extends Promised {
  readonly cluster: string
}

/**
 * VMIDs, memory and disk space promised to VMs, by uid: what the listing of PVE does not show yet must be counted when the next VM is placed.
 * Filled from the objects at start, so that it survives a restart.
 */
export class Intents {
  readonly #byUid = new Map<string, Intent>()

  note(uid: string, intent: Intent): void {
    this.#byUid.set(uid, intent)
  }

  forget(uid: string): void {
    this.#byUid.delete(uid)
  }

  of(cluster: string): Intent[] {
    return [...this.#byUid.values()].filter((intent) => intent.cluster === cluster)
  }
}
