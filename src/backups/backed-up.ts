/** Whether the backups that the schedule of a VM asks for are made: the condition BackedUp. */
import { conditionOf } from '../api/condition.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import { type ConditionUpdate, fails, holds } from '../engine/conditions.ts'
import { nowIso } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { judged } from '../engine/status.ts'
import { missedAtMs } from '../want/backup-schedule.ts'
import { fileTime } from './backup-census.ts'
import { isUnfinished, madeAtMs, madeOf, scheduledOf, slotOf } from './scheduled.ts'

/** Into the status of the VM; the condition is there only while the package has a schedule. */
export function judgeBackedUp({ deps, draft, key }: Pass): void {
  const { vm, status } = draft
  const iso = nowIso(deps.clock)
  const verdict = verdictOn({ ...vm, status }, deps.backupsOf(key), deps.clock.now())
  if (!verdict) {
    draft.change(judged(vm, iso, [], ['BackedUp']), (now) => withFailedSince(now, undefined))
    return
  }
  const since = status.backups?.failedSince ?? iso
  draft.change(judged(vm, iso, [verdict]), (now) => withFailedSince(now, verdict.status === 'False' ? since : undefined))
}

type Status = NonNullable<ProxmoxVM['status']>

function withFailedSince({ backups, ...status }: Status, since: string | undefined): Status {
  if (since === undefined && !backups) return status
  const { failedSince: _, ...figures } = backups ?? { count: 0 }
  return { ...status, backups: { ...figures, ...(since !== undefined && { failedSince: since }) } }
}

function verdictOn(vm: ProxmoxVM, backups: readonly ProxmoxVMBackup[], nowMs: number): ConditionUpdate | undefined {
  const { status } = vm
  if (status?.package?.backups?.schedule === undefined || status.firstReadyAt === undefined) return undefined
  const last = scheduledOf(backups, vm.metadata.uid ?? '')
    .filter((backup) => !isUnfinished(backup))
    .toSorted((a, b) => slotOf(b) - slotOf(a))[0]
  if (last?.status?.phase === 'Failed')
    return fails('BackedUp', 'BackupFailed', `Backup ${last.metadata.name}: ${last.status.conditions?.[0]?.message ?? 'it failed'}`)
  const newest = newestMs(vm, backups)
  const missed = missedSinceMs(vm, backups, nowMs)
  if (missed !== undefined) {
    const open = scheduledOf(backups, vm.metadata.uid ?? '').find(isUnfinished)
    const why = open
      ? ` Backup ${open.metadata.name} waits: ${open.status?.conditions?.[0]?.message ?? 'the operator has not read it yet'}`
      : ''
    return fails(
      'BackedUp',
      'BackupMissed',
      `The newest backup is ${newest === undefined ? 'none' : `of ${fileTime(newest / 1000)}`}, and the schedule asked for another one.${why}`,
    )
  }
  if (newest === undefined)
    return { type: 'BackedUp', status: 'Unknown', reason: 'BackupPending', message: 'The first backup of the schedule is not ready yet.' }
  return holds('BackedUp', 'Succeeded', `The newest backup is of ${fileTime(newest / 1000)}.`)
}

/** Whoever made it. */
function newestMs(vm: ProxmoxVM, backups: readonly ProxmoxVMBackup[]): number | undefined {
  const own = madeOf(backups.filter(({ status }) => status?.vmUID === vm.metadata.uid)).map(madeAtMs)
  const times = [...own, Date.parse(vm.status?.backups?.newest ?? '')].filter((ms) => !Number.isNaN(ms))
  return times.length === 0 ? undefined : Math.max(...times)
}

/** Since when (ms) a backup is overdue; undefined: none is. One that PVE is making is not missed. */
export function missedSinceMs(vm: ProxmoxVM, backups: readonly ProxmoxVMBackup[], nowMs: number): number | undefined {
  const asked = vm.status?.package?.backups
  if (asked?.schedule === undefined) return undefined
  const waiting = conditionOf(vm.status?.conditions, 'BackedUp')
  const first = waiting?.status === 'True' ? undefined : waiting?.lastTransitionTime
  const from = newestMs(vm, backups) ?? (first === undefined ? nowMs : Date.parse(first))
  const missed = missedAtMs(asked, from)
  const isBeingMade = backups.some((backup) => isUnfinished(backup) && backup.status?.requestedAt !== undefined)
  return missed === undefined || missed > nowMs || isBeingMade ? undefined : missed
}
