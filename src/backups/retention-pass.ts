/** Retention: what the schedule of a VM has made and nobody is to keep goes, and the others say until when they stay. */
import { proxmoxVMBackups, proxmoxVMs } from '../api/meta.ts'
import type { Package } from '../api/package.ts'
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import { isPaused } from '../engine/after-pass.ts'
import { observes } from '../engine/observe.ts'
import type { Pass } from '../engine/pass.ts'
import { hasChangedSince } from '../kube/look-up.ts'
import { slotAfter } from '../want/backup-schedule.ts'
import { expiryOf, keptTimes } from '../want/retention.ts'
import { isAskedFor } from './asked-for.ts'
import { fileTime } from './backup-census.ts'
import { BackupStatusDraft } from './backup-status-draft.ts'
import { madeAtMs, madeOf, scheduledOf, slotOf } from './scheduled.ts'

/** How far ahead expiries are told. */
const mostSlots = 800
/** Failures that are kept while nothing succeeds. */
const mostFailed = 5

export class Retention {
  /** By key of the VM: what was judged last. */
  readonly #judged = new Map<string, string>()

  /** Files that others made, and backups that people asked for, are never touched; nor are protected ones. Never throws. */
  async apply(pass: Pass): Promise<void> {
    const { deps, draft, key } = pass
    const asked = draft.status.package?.backups
    if (!asked?.keep || isPaused(draft.vm) || deps.kinds.leaving.length > 0) return
    if (observes(deps.clusters.get(draft.vm.spec.clusterRef.name))) return
    const ours = scheduledOf(deps.backupsOf(key), draft.vm.metadata.uid ?? '')
    const seen = JSON.stringify([
      asked.keep,
      asked.schedule,
      ours.map(({ metadata, status }) => [metadata.uid, status?.phase, status?.protected]),
    ])
    if (this.#judged.get(key) === seen) return
    try {
      deps.mayAct()
      const isOver = await this.#drop(pass, asked, ours)
      if (isOver) this.#judged.set(key, seen)
    } catch (err) {
      deps.log.warn({ vm: key, err }, 'failed to apply the retention of backups; retrying')
    }
  }

  /** False: one that is to go is kept for now, as somebody has asked to get a VM back from it. */
  async #drop({ deps, draft }: Pass, asked: NonNullable<Package['backups']>, ours: readonly ProxmoxVMBackup[]): Promise<boolean> {
    const made = madeOf(ours).filter(({ status }) => status?.protected !== true)
    const times = made.map(madeAtMs)
    const kept = keptTimes(times, asked.keep)
    const newest = Math.max(...times)
    const outdated = made.filter((backup) => !kept.has(madeAtMs(backup)))
    const vms = outdated.length > 0 ? deps.vms.list() : []
    const dropped = outdated.filter((backup) => !isAskedFor(backup, vms))
    // Somebody may have asked to restore this VM, and the watch has not told of it yet.
    const kind = { client: deps.client, store: deps.vms, resource: proxmoxVMs }
    if (dropped.length > 0 && (await hasChangedSince(kind, draft.vm))) return false
    const failed = ours
      .filter(({ status }) => status?.phase === 'Failed')
      .toSorted((a, b) => slotOf(b) - slotOf(a))
      .filter((backup, at) => slotOf(backup) < newest || at >= mostFailed)
    for (const { metadata } of [...dropped, ...failed])
      await deps.client.delete(proxmoxVMBackups, { namespace: metadata.namespace ?? '', name: metadata.name }, { uid: metadata.uid ?? '' })
    const expiries = expiryOf([...kept], asked.keep, slotsAfter(asked, newest))
    for (const backup of made.filter((each) => kept.has(madeAtMs(each)))) {
      const status = new BackupStatusDraft({ backup, client: deps.client, store: deps.backups })
      const expiresAt = fileTime(expiries.has(madeAtMs(backup)) ? (expiries.get(madeAtMs(backup)) ?? 0) / 1000 : undefined)
      const { expiresAt: _, ...rest } = status.status
      status.status = { ...rest, ...(expiresAt !== undefined && { expiresAt }) }
      await status.save()
    }
    return dropped.length === outdated.length
  }
}

function* slotsAfter(asked: NonNullable<Package['backups']>, fromMs: number): Generator<number> {
  let at: number | undefined = fromMs
  for (let n = 0; n < mostSlots && at !== undefined && Number.isFinite(at); n++) {
    at = slotAfter(asked, at)
    if (at !== undefined) yield at
  }
}
