import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { parseSizeMiB } from '../../api/size.ts'
import type { Promised } from '../../cluster/room.ts'

export interface InFlightPlacement extends Promised {
  readonly cluster: string
  readonly hostname?: string
}

/**
 * VMIDs, memory and disk space promised to VMs, by uid: what the listing of PVE does not show yet must be counted when the next VM is placed.
 * Filled from the objects at start, so that it survives a restart.
 */
export class InFlightPlacements {
  readonly #byUid = new Map<string, InFlightPlacement>()

  note(uid: string, intent: InFlightPlacement): void {
    this.#byUid.set(uid, intent)
  }

  /** At the start of a process. */
  noteAll(vms: readonly ProxmoxVM[]): void {
    for (const vm of vms) {
      const intent = inFlightOfStatus(vm)
      if (intent) this.note(vm.metadata.uid ?? '', intent)
    }
  }

  forget(uid: string): void {
    this.#byUid.delete(uid)
  }

  /** The host name goes with the promise: two VMs that are made at once must not get the same. */
  named(uid: string, hostname: string): void {
    const intent = this.#byUid.get(uid)
    if (intent) this.#byUid.set(uid, { ...intent, hostname })
  }

  /** Of all VMs of a cluster object but this one: its own earlier attempt stands in nobody's way. */
  of(cluster: string, exceptUid?: string): InFlightPlacement[] {
    return [...this.#byUid].filter(([uid, intent]) => intent.cluster === cluster && uid !== exceptUid).map(([, intent]) => intent)
  }
}

/** The promise an object's status records, while PVE's listing may not show it yet. */
export function inFlightOfStatus(vm: ProxmoxVM): InFlightPlacement | undefined {
  const { vmid, node, intentAt, firstReadyAt, package: merged } = vm.status ?? {}
  if (vmid === undefined || node === undefined || intentAt === undefined || firstReadyAt !== undefined) return undefined
  const disks = (merged?.additionalDisks ?? []).flatMap(({ storage, size }) =>
    storage && size ? [{ storage, sizeMiB: parseSizeMiB(size) }] : [],
  )
  const cpus = (merged?.cpu?.cores ?? 1) * (merged?.cpu?.sockets ?? 1)
  return {
    cluster: vm.spec.clusterRef.name,
    vmid,
    node,
    memoryMiB: merged?.memory?.size ? parseSizeMiB(merged.memory.size) : 0,
    cpus,
    disks,
  }
}
