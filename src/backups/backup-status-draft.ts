/** The status of one ProxmoxVMBackup during one pass: changed freely, written when it must be, and only if different. */
import type { BackupCondition } from '../api/condition-words.ts'
import { backupFinalizer, originLabel } from '../api/group.ts'
import { proxmoxVMBackups } from '../api/meta.ts'
import type { Condition } from '../api/object.ts'
import type { backupPhases } from '../api/other-words.ts'
import type { ProxmoxVMBackup, ProxmoxVMBackupStatus } from '../api/proxmoxvmbackup.ts'
import type { Reason } from '../api/reasons.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import type { Store } from '../kube/store.ts'

type BackupPhase = keyof typeof backupPhases

export const isFinishedBackup = ({ status }: ProxmoxVMBackup): boolean => status?.finishedAt !== undefined

/** Only the operator writes it, and only forwards: requested, running, finished. */
export class BackupStatusDraft {
  readonly #client: KubeClient
  readonly #store: Store<ProxmoxVMBackup>
  #backup: ProxmoxVMBackup
  status: ProxmoxVMBackupStatus

  constructor(o: { backup: ProxmoxVMBackup; client: KubeClient; store: Store<ProxmoxVMBackup> }) {
    this.#client = o.client
    this.#store = o.store
    this.#backup = o.backup
    this.status = o.backup.status ?? {}
  }

  get backup(): ProxmoxVMBackup {
    return this.#backup
  }

  get uid(): string {
    return this.#backup.metadata.uid ?? ''
  }

  get origin(): 'Schedule' | 'Manual' {
    return this.#backup.metadata.labels?.[originLabel] === 'Schedule' ? 'Schedule' : 'Manual'
  }

  change(more: Partial<ProxmoxVMBackupStatus>): void {
    this.status = { ...this.status, ...more }
  }

  /** The request has left nothing behind: it may be sent again. */
  forgetRequest(): void {
    const { requestedAt: _a, upid: _b, ...status } = this.status
    this.status = status
  }

  /** What it waits for. */
  waits(is: 'reconciling' | 'stalled', reason: Reason, message: string, iso: string): void {
    const phase = this.status.finishedAt === undefined ? (this.status.requestedAt === undefined ? 'Pending' : 'Running') : this.status.phase
    this.#judge(phase as BackupPhase, is, reason, message, iso)
  }

  finish(is: 'Succeeded' | 'Failed', reason: Reason, message: string, iso: string): void {
    this.change({ finishedAt: this.status.finishedAt ?? iso })
    this.#judge(is, is === 'Succeeded' ? 'ready' : 'stalled', reason, message, iso)
  }

  /** kstatus: exactly one of Ready=True, Reconciling and Stalled. An equal verdict leaves the object as it is. */
  #judge(phase: BackupPhase, is: 'ready' | 'reconciling' | 'stalled', reason: Reason, message: string, iso: string): void {
    const before = this.status.conditions ?? []
    const condition = (type: BackupCondition, status: 'True' | 'False'): Condition => {
      const former = before.find((each) => each.type === type)
      return {
        type,
        status,
        reason,
        message: message.slice(0, 4096),
        lastTransitionTime: former?.status === status ? former.lastTransitionTime : iso,
        observedGeneration: this.#backup.metadata.generation ?? 0,
      }
    }
    const sets = {
      ready: [condition('Ready', 'True')],
      reconciling: [condition('Ready', 'False'), condition('Reconciling', 'True')],
      stalled: [condition('Ready', 'False'), condition('Stalled', 'True')],
    }
    this.change({ phase, origin: this.origin, observedGeneration: this.#backup.metadata.generation ?? 0, conditions: sets[is] })
  }

  async save(): Promise<void> {
    if (isSameJson(this.status, this.#backup.status ?? {})) return
    this.#adopt(await this.#client.replaceStatus(proxmoxVMBackups, { ...this.#backup, status: this.status }))
  }

  get hasFinalizer(): boolean {
    return this.#backup.metadata.finalizers?.includes(backupFinalizer) ?? false
  }

  async ensureFinalizer(): Promise<void> {
    if (!this.hasFinalizer) await this.#setFinalizers([...(this.#backup.metadata.finalizers ?? []), backupFinalizer])
  }

  /** The object goes with this if it is being deleted. */
  async dropFinalizer(): Promise<void> {
    if (this.hasFinalizer) await this.#setFinalizers((this.#backup.metadata.finalizers ?? []).filter((each) => each !== backupFinalizer))
  }

  async #setFinalizers(finalizers: string[]): Promise<void> {
    const { namespace, name, resourceVersion } = this.#backup.metadata
    const at = { ...(namespace && { namespace }), name }
    this.#adopt(await this.#client.mergePatch(proxmoxVMBackups, at, { metadata: { finalizers, resourceVersion } }))
  }

  #adopt(backup: ProxmoxVMBackup): void {
    this.#backup = backup
    // One that is gone must not come back into the store; the watch takes it out.
    if (!backup.metadata.deletionTimestamp || (backup.metadata.finalizers ?? []).length > 0) this.#store.put(backup)
  }
}
