/** All backups of one VM, one after another, as a part of the pass over the VM: what is wrong with a backup never holds up the VM. */
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import { ended } from '../engine/after-pass.ts'
import { type Dependencies, nowIso } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import type { Outcome } from '../ladder/outcome.ts'
import { isConflict, isNotFound } from '../kube/kube-error.ts'
import { judge } from '../proxmox/failures.ts'
import type { BackupMemory, BackupPass } from './backup-pass.ts'
import type { BackupCensus } from './backup-census.ts'
import { BackupSlots, clusterAsked } from './backup-slots.ts'
import { BackupStatusDraft } from './backup-status-draft.ts'
import { beginBackup } from './begin-backup.ts'
import { endBackup, keepBackup } from './end-backup.ts'
import { showBackups } from './show-backups.ts'
import { judgeBackedUp } from './backed-up.ts'
import { Retention } from './retention-pass.ts'
import { followBackup } from './follow-backup.ts'

const firstPauseMs = 2_000
const longestPauseMs = 300_000
/** What needs a person is looked at again this often. */
const stalledMs = 60_000

export class BackupKeeper {
  readonly #deps: Dependencies
  readonly #wake: (key: string) => void
  readonly #memories = new Map<string, BackupMemory>()
  readonly #followed = new Map<string, () => void>()
  readonly #slots: BackupSlots
  readonly #retention = new Retention()
  readonly #census: BackupCensus

  /** `wake`: a task of a backup of that VM has ended. */
  constructor(o: { deps: Dependencies; census: BackupCensus; wake: (key: string) => void }) {
    this.#census = o.census
    this.#deps = o.deps
    this.#wake = o.wake
    this.#slots = new BackupSlots(o.deps.backups.index('cluster that was asked for it', clusterAsked))
    o.deps.backups.subscribe(({ old, new: now }) => {
      if (old && !now) this.#forget(old)
    })
  }

  /** `of` is undefined where there is no VM. Answers when to look again (ms); undefined: when somebody wakes the VM. Never throws. */
  async tend(key: string, of?: Pass): Promise<number | undefined> {
    let nextMs: number | undefined
    for (const backup of this.#deps.backupsOf(key).toSorted(byAge)) {
      const afterMs = await this.#tendOne(key, of, backup)
      if (afterMs !== undefined) nextMs = Math.min(nextMs ?? Infinity, afterMs)
    }
    if (!of || of.draft.vm.metadata.deletionTimestamp) return nextMs
    await showBackups(of, this.#census)
    await this.#retention.apply(of)
    judgeBackedUp(of)
    return nextMs
  }

  async #tendOne(key: string, of: Pass | undefined, backup: ProxmoxVMBackup): Promise<number | undefined> {
    const deps = this.#deps
    const memory = this.#memoryOf(backup)
    const nowMs = deps.clock.monotonicMs()
    if (memory.notBeforeMs !== undefined && memory.notBeforeMs > nowMs) return memory.notBeforeMs - nowMs
    delete memory.notBeforeMs
    const draft = new BackupStatusDraft({ backup, client: deps.client, store: deps.backups })
    const pass: BackupPass = {
      deps,
      key,
      ...(of && !of.draft.vm.metadata.deletionTimestamp && { of }),
      backup: draft,
      memory,
      slots: this.#slots,
      census: this.#census,
    }
    try {
      const outcome = await step(pass)
      const afterMs = this.#conclude(pass, outcome)
      await draft.save()
      return afterMs
    } catch (fault) {
      return await this.#failed(pass, fault)
    }
  }

  #conclude({ backup, memory, deps, key }: BackupPass, outcome: Outcome): number | undefined {
    if (outcome.is === 'done') {
      this.#forget(backup.backup)
      return undefined
    }
    backup.waits(outcome.is === 'stalled' ? 'stalled' : 'reconciling', outcome.reason, outcome.message, nowIso(deps.clock))
    if (outcome.is === 'stalled') return this.#pause(memory, stalledMs)
    if (outcome.is === 'retry') return this.#pauseAfterFailure(memory)
    if (outcome.task !== undefined) this.#follow(backup, key, outcome.task)
    else memory.attempts = 0
    return outcome.lookAfterMs
  }

  async #failed(pass: BackupPass, fault: unknown): Promise<number> {
    const { backup, memory, deps } = pass
    const { reason, message } = judge(fault)
    const afterMs = this.#pauseAfterFailure(memory)
    if (isNotFound(fault)) return afterMs
    deps.log.warn({ vm: pass.key, backup: backup.backup.metadata.name, err: fault }, message)
    backup.waits('reconciling', reason, `${ended(message.trim())} Retrying in ${Math.ceil(afterMs / 1000)} s.`, nowIso(deps.clock))
    if (!isConflict(fault)) await backup.save().catch(() => undefined)
    return afterMs
  }

  #pauseAfterFailure(memory: BackupMemory): number {
    memory.attempts += 1
    return this.#pause(memory, Math.min(longestPauseMs, firstPauseMs * 2 ** (memory.attempts - 1)))
  }

  #pause(memory: BackupMemory, ms: number): number {
    memory.notBeforeMs = this.#deps.clock.monotonicMs() + ms
    return ms
  }

  #follow({ uid, status }: BackupStatusDraft, key: string, task: string): void {
    this.#followed.get(uid)?.()
    const cluster = this.#deps.clusters.get(status.cluster ?? '')
    const end = cluster?.tasks.follow(task, () => this.#wake(key))
    if (end) this.#followed.set(uid, end)
  }

  /** A change of the object is a person asking for a look. */
  #memoryOf({ metadata, spec, status }: ProxmoxVMBackup): BackupMemory {
    const uid = metadata.uid ?? ''
    const memory = this.#memories.get(uid) ?? { attempts: 0 }
    const seen = JSON.stringify([spec, metadata.deletionTimestamp, metadata.annotations, status?.upid])
    if (memory.seen !== seen) delete memory.notBeforeMs
    // Somebody deleted a backup: there may be room for this one.
    if (status?.conditions?.[0]?.reason === 'BackupQuota') delete memory.notBeforeMs
    memory.seen = seen
    this.#memories.set(uid, memory)
    return memory
  }

  /** It is finished, or gone. */
  #forget({ metadata }: ProxmoxVMBackup): void {
    const uid = metadata.uid ?? ''
    this.#followed.get(uid)?.()
    this.#followed.delete(uid)
    this.#memories.delete(uid)
    this.#slots.release(uid)
    this.#deps.kinds.forget(uid)
  }
}

async function step(pass: BackupPass): Promise<Outcome> {
  const { backup } = pass
  if (backup.backup.metadata.deletionTimestamp) return await endBackup(pass)
  if (backup.status.finishedAt !== undefined) return await keepBackup(pass)
  return backup.status.requestedAt === undefined ? await beginBackup(pass) : await followBackup(pass)
}

const byAge = (a: ProxmoxVMBackup, b: ProxmoxVMBackup): number =>
  `${a.metadata.creationTimestamp} ${a.metadata.name}`.localeCompare(`${b.metadata.creationTimestamp} ${b.metadata.name}`)
