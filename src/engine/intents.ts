import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { parseSizeMiB } from '../api/size.ts'
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

/** The promise an object's status records, while PVE's listing may not show it yet. */
export function intentOfStatus(vm: ProxmoxVM): Intent | undefined {
  const { vmid, node, intentAt, firstReadyAt, package: merged } = vm.status ?? {}
  if (vmid === undefined || node === undefined || intentAt === undefined || firstReadyAt !== undefined) return undefined
  const disks = (merged?.additionalDisks ?? []).flatMap(({ storage, size }) =>
    storage && size ? [{ storage, sizeMiB: parseSizeMiB(size) }] : [],
  )
  return { cluster: vm.spec.clusterRef.name, vmid, node, memoryMiB: merged?.memory?.size ? parseSizeMiB(merged.memory.size) : 0, disks }
}
