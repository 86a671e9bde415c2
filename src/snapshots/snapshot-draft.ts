/** The status of one ProxmoxVMSnapshot during one pass over its VM, and its finalizer. */
import { snapshotFinalizer } from '../api/group.ts'
import { proxmoxVMSnapshots } from '../api/meta.ts'
import type { ProxmoxVMSnapshot, ProxmoxVMSnapshotStatus } from '../api/proxmoxvmsnapshot.ts'
import type { Reason } from '../api/reasons.ts'
import { readiness, withoutConditions, withUpdates } from '../engine/conditions.ts'
import { nowIso, type Dependencies } from '../engine/dependencies.ts'
import { isSameJson } from '../kube/json.ts'
import { isConflict, isNotFound } from '../kube/kube-error.ts'

/** Changed freely, written when it must be, and only if different. Only the operator writes this status. */
export class SnapshotDraft {
  readonly #deps: Pick<Dependencies, 'client' | 'snapshots' | 'clock'>
  #snapshot: ProxmoxVMSnapshot
  status: ProxmoxVMSnapshotStatus

  constructor(o: { snapshot: ProxmoxVMSnapshot; deps: Pick<Dependencies, 'client' | 'snapshots' | 'clock'> }) {
    this.#deps = o.deps
    this.#snapshot = o.snapshot
    this.status = o.snapshot.status ?? {}
  }

  get snapshot(): ProxmoxVMSnapshot {
    return this.#snapshot
  }

  get isDeleted(): boolean {
    return this.#snapshot.metadata.deletionTimestamp !== undefined
  }

  get hasFinalizer(): boolean {
    return this.#snapshot.metadata.finalizers?.includes(snapshotFinalizer) ?? false
  }

  /** kstatus: exactly one of Ready=True, Reconciling and Stalled. */
  say(is: 'ready' | 'reconciling' | 'stalled', reason: Reason, message: string): void {
    const { verdicts, dropped } = readiness(is, reason, message)
    const observedGeneration = this.#snapshot.metadata.generation ?? 0
    const kept = withoutConditions(this.status.conditions ?? [], dropped)
    const conditions = withUpdates(kept, verdicts, observedGeneration, nowIso(this.#deps.clock))
    this.status = { ...this.status, observedGeneration, conditions }
  }

  /** A conflict means that somebody deleted or labelled the object meanwhile; one with another writer of the status ends the pass. */
  async save(): Promise<void> {
    while (!isSameJson(this.status, this.#snapshot.status ?? {})) {
      try {
        this.#adopt(await this.#deps.client.replaceStatus(proxmoxVMSnapshots, { ...this.#snapshot, status: this.status }))
      } catch (fault) {
        // It went with its last finalizer, and nobody reads its status any more.
        if (isNotFound(fault) && this.isDeleted) return
        if (!isConflict(fault)) throw fault
        await this.#refresh()
      }
    }
  }

  /** On the object before the first side effect, so that no deletion can overtake what it would have to undo. */
  async ensureFinalizer(): Promise<void> {
    if (!this.hasFinalizer) await this.#patchFinalizers([...(this.#snapshot.metadata.finalizers ?? []), snapshotFinalizer])
  }

  async dropFinalizer(): Promise<void> {
    if (!this.hasFinalizer) return
    const others = (this.#snapshot.metadata.finalizers ?? []).filter((finalizer) => finalizer !== snapshotFinalizer)
    await this.#patchFinalizers(others).catch((fault: unknown) => {
      if (!isNotFound(fault)) throw fault
    })
  }

  /** Deletes this very object, not a later one of its name. */
  async deleteObject(): Promise<void> {
    const { namespace = '', name, uid = '' } = this.#snapshot.metadata
    await this.#deps.client.delete(proxmoxVMSnapshots, { namespace, name }, { uid })
  }

  async #patchFinalizers(finalizers: string[]): Promise<void> {
    const { namespace = '', name, resourceVersion } = this.#snapshot.metadata
    const { client } = this.#deps
    this.#adopt(await client.mergePatch(proxmoxVMSnapshots, { namespace, name }, { metadata: { finalizers, resourceVersion } }))
  }

  async #refresh(): Promise<void> {
    const { namespace = '', name, uid } = this.#snapshot.metadata
    const newer = await this.#deps.client.get(proxmoxVMSnapshots, { namespace, name })
    if (!newer || newer.metadata.uid !== uid) throw new Error(`ProxmoxVMSnapshot ${namespace}/${name} is gone`)
    if (!isSameJson(newer.status ?? {}, this.#snapshot.status ?? {}))
      throw new Error(
        `the status of ProxmoxVMSnapshot ${namespace}/${name} was written by another operator, or by a write whose answer was lost`,
      )
    this.#snapshot = newer
  }

  #adopt(snapshot: ProxmoxVMSnapshot): void {
    this.#snapshot = snapshot
    // One whose last finalizer is gone is gone: put back it would stay for ever.
    const isGone = snapshot.metadata.deletionTimestamp !== undefined && (snapshot.metadata.finalizers ?? []).length === 0
    if (!isGone) this.#deps.snapshots.put(snapshot)
  }
}
