import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { HistoryEntry } from '../api/proxmoxvm-status.ts'
import { type VmCondition } from '../api/condition-words.ts'
import { localStatuses, type LocalStatus, type Phase, type StepName } from '../api/words.ts'
import { withoutConditions, withUpdates, type ConditionUpdate } from './conditions.ts'
import { progressOf } from '../api/progress.ts'
import { conditionOf, isTrue } from '../api/condition.ts'
import type { Reason } from '../api/reasons.ts'

/** Changes to a status, each a pure function: equal input gives an equal result, so that an unchanged status is not written. */
export type Change = (status: ProxmoxVMStatus) => ProxmoxVMStatus

export const judged =
  (vm: ProxmoxVM, nowIso: string, verdicts: readonly ConditionUpdate[], dropped: readonly VmCondition[] = []): Change =>
  (status) => ({
    ...status,
    conditions: withUpdates(withoutConditions(status.conditions ?? [], dropped), verdicts, vm.metadata.generation ?? 0, nowIso),
  })

/** A step is under way or waited for. `since` stays while it is the same one; a new one starts without attempts. */
export const working =
  (name: StepName, nowIso: string, more: { attempts?: number; lastError?: string; upid?: string } = {}): Change =>
  (status) => {
    const { repairs } = status.step ?? {}
    const since = status.step?.name === name ? status.step.since : nowIso
    return { ...status, step: { name, since, ...more, ...(repairs !== undefined && { repairs }) } }
  }

/** The receipt of a request that the pass itself does not show: until its task ends, nothing is sent again. */
export const awaiting =
  (name: StepName, nowIso: string, upid: string): Change =>
  (status) => {
    const { attempts, lastError } = status.step?.name === name ? status.step : {}
    return working(name, nowIso, { ...(attempts !== undefined && { attempts }), ...(lastError !== undefined && { lastError }), upid })(
      status,
    )
  }

export const resting: Change = ({ step: _, ...status }) => status

/** A rung was reached: each rung passed on the way gets its own line, since one request may finish several. */
export const reached =
  (rung: LocalStatus, nowIso: string, message: string): Change =>
  (status) => {
    const from = localStatuses.indexOf(status.localStatus as LocalStatus)
    const to = localStatuses.indexOf(rung)
    if (to === from) return status
    const passed = to > from ? localStatuses.slice(Math.max(from, 0) + (from < 0 ? 0 : 1), to + 1) : []
    const startedAt = status.step?.since ?? nowIso
    const seconds = secondsBetween(startedAt, nowIso)
    const lines = passed.map((step) => ({ step, startedAt, seconds, outcome: 'Done', ...(message && { message: message.slice(0, 1024) }) }))
    return { ...status, localStatus: rung, progress: progressOf(rung), history: lastLines([...(status.history ?? []), ...lines]) }
  }

/** The rung `clone` is shown from when it is asked for, so its line is written when the clone is there. */
export const cloneFinished =
  (nowIso: string, message: string): Change =>
  (status) => {
    const startedAt = status.step?.since ?? nowIso
    const line: HistoryEntry = { step: 'clone', startedAt, seconds: secondsBetween(startedAt, nowIso), outcome: 'Done', message }
    return { ...status, history: lastLines([...(status.history ?? []), line]) }
  }

/** A step beside the ladder is done: a line with how long it took. */
export const stepDone =
  (nowIso: string, message: string): Change =>
  (status) => {
    const { step } = status
    if (!step) return status
    const line = { step: step.name, startedAt: step.since, seconds: secondsBetween(step.since, nowIso), outcome: 'Done' }
    return { ...status, history: lastLines([...(status.history ?? []), { ...line, ...(message && { message: message.slice(0, 1024) }) }]) }
  }

const secondsBetween = (from: string, to: string) => Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000))

/** A line that is no rung: a failure, a repair. */
export const noted =
  (step: StepName, nowIso: string, outcome: string, message: string): Change =>
  (status) => ({
    ...status,
    history: lastLines([...(status.history ?? []), { step, startedAt: nowIso, seconds: 0, outcome, message: message.slice(0, 1024) }]),
  })

/** As `noted`, but a failure that only repeats itself fills no second line: status.step counts it. */
export const notedOnce =
  (step: StepName, nowIso: string, outcome: string, message: string): Change =>
  (status) => {
    const last = status.history?.at(-1)
    const isSame = last?.step === step && last.outcome === outcome && last.message === message.slice(0, 1024)
    return isSame ? status : noted(step, nowIso, outcome, message)(status)
  }

const lastLines = <T>(lines: readonly T[]): T[] => lines.slice(-30)

/** The VM in one word, derived from the rest. */
export function phaseOf(vm: ProxmoxVM, status: ProxmoxVMStatus): Phase {
  const ready = status.conditions?.find((condition) => condition.type === 'Ready')
  if (vm.metadata.deletionTimestamp) return 'Terminating'
  if (status.released) return 'Released'
  if (status.restore?.running) return 'Restoring'
  if (ready?.reason === 'VMMissing') return 'Missing'
  if (status.removedAt) return 'Removed'
  if (status.reinstall?.running) return status.reinstall.running.isClone ? 'Provisioning' : 'Reinstalling'
  if (!status.intentAt) return 'Pending'
  if (!status.firstReadyAt) return 'Provisioning'
  if (ready?.status === 'Unknown') return 'Unknown'
  if (isTrue(status.conditions, 'Suspended')) return 'Suspended'
  if (status.change) return 'Changing'
  if (status.remoteStatus === 'running') return 'Running'
  if (status.remoteStatus === 'stopped') return 'Stopped'
  return 'Unknown'
}

/** Said of a VM that is as declared, by the listing alone, and taken back by it. */
const ofListing: ReadonlySet<string> = new Set<Reason>(['GuestPaused', 'GuestIOError', 'LinkDown', 'NodeOffline', 'ClusterUnreachable'])

/**
 * Settled, and the listing says that it runs: what it says of its power is enough until something is to be done. Not while the operator waits
 * for a start from off: only the process tells of one.
 */
export const isWellAndRunning = (vm: ProxmoxVM): boolean =>
  isSettled(vm) &&
  vm.status?.remoteStatus === 'running' &&
  vm.status.remoteLock === undefined &&
  vm.status.guestSeen === undefined &&
  conditionOf(vm.status.conditions, 'Ready')?.reason === 'Running'

/** True once everything about the present spec is settled: nothing to look at but the listing. */
export function isSettled({ metadata, status }: ProxmoxVM): boolean {
  const ready = conditionOf(status?.conditions, 'Ready')
  const isSaid = ready?.status === 'True' || ofListing.has(ready?.reason ?? '')
  return status?.observedGeneration === metadata.generation && isSaid && status?.step === undefined && !isOnItsWay(status)
}

/** Something is under way that somebody asked for. */
const isOnItsWay = (status: ProxmoxVMStatus | undefined): boolean =>
  status?.rollback?.running !== undefined ||
  status?.change !== undefined ||
  status?.reinstall?.running !== undefined ||
  status?.restore?.running !== undefined

/** The spec as it is was reached before, so what differs was changed in PVE: also where the repair has been held up since. */
export const isRepair = (vm: ProxmoxVM): boolean =>
  isSettled(vm) || (vm.status?.step?.repairs !== undefined && vm.status.step.repairs === vm.metadata.generation && !isOnItsWay(vm.status))

/** A repair stays one until the VM is as declared again, or somebody asks for something else. `vm`: as it was when the pass began. */
export const asRepair =
  (vm: ProxmoxVM): Change =>
  (status) => {
    if (status.step === undefined) return status
    const { repairs: _, ...step } = status.step
    const { generation } = vm.metadata
    return generation !== undefined && isRepair(vm) && !isOnItsWay(status)
      ? { ...status, step: { ...step, repairs: generation } }
      : { ...status, step }
  }
