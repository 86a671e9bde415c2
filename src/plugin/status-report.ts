import type { Condition } from '../api/object.ts'
import type { Event } from '../api/meta.ts'
import type { HistoryEntry } from '../api/proxmoxvm-status.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { type LocalStatus, localStatuses } from '../api/words.ts'
import { type Reason, reasons } from '../api/reasons.ts'
import { phaseOf } from '../engine/status.ts'
import { conditionOf } from '../api/condition.ts'

export interface Rung {
  rung: LocalStatus
  is: 'done' | 'now' | 'to do'
  startedAt?: string
  seconds?: number
}

/** Everything `kubectl pve status` tells; the shape of its JSON. */
export interface StatusReport {
  name: string
  namespace: string
  phase: string
  localStatus: string
  progress?: string
  power?: string
  lock?: string
  node?: string
  vmid?: number
  hostname?: string
  addresses: string[]
  /** What the guest agent tells. Absent: it is not enabled. */
  guest?: NonNullable<ProxmoxVM['status']>['guest']
  ladder: Rung[]
  /** What is worked on. Absent: nothing is. */
  step?: { name: string; since: string; seconds: number; attempts?: number; lastError?: string; upid?: string }
  /** Why it is not Ready. Absent: it waits for nothing. */
  waitsFor?: { reason: string; message: string; who: string }
  /** Conditions beside Ready that are worth knowing. */
  remarks: { type: string; reason: string; message: string }[]
  /** What was done and what went wrong, oldest first; rungs excepted. */
  history: HistoryEntry[]
  /** Oldest first. Absent: the caller may not read events. */
  events?: { at: string; type: string; reason: string; note: string; count: number }[]
}

/** Pure: what object and events say at `nowMs`. */
export function reportOf(vm: ProxmoxVM, events: readonly Event[] | undefined, nowMs: number): StatusReport {
  const { metadata, status = {} } = vm
  const { localStatus = 'creation', progress, remoteStatus, remoteLock, node, vmid, hostname, step, history = [] } = status
  const isRung = (entry: HistoryEntry) => localStatuses.some((rung) => rung === entry.step) && entry.outcome === 'Done'
  const waits = waitOf(vm)
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    phase: phaseOf(vm, status),
    localStatus,
    ...(progress && { progress }),
    ...(remoteStatus && { power: remoteStatus }),
    ...(remoteLock && { lock: remoteLock }),
    ...(node && { node }),
    ...(vmid !== undefined && { vmid }),
    ...(hostname && { hostname }),
    addresses: (status.addresses ?? []).map(
      ({ address, prefixLength, state }) => `${address}/${prefixLength}${state ? ` (${state})` : ''}`,
    ),
    ...(status.guest && { guest: status.guest }),
    ladder: ladderOf(vm),
    ...(step && { step: { ...step, seconds: secondsSince(step.since, nowMs) } }),
    ...(waits && { waitsFor: waits }),
    remarks: remarksOn(status.conditions ?? []),
    history: history.filter((entry) => !isRung(entry)),
    ...(events && { events: events.map(told).toSorted((a, b) => a.at.localeCompare(b.at)) }),
  }
}

const secondsSince = (iso: string, nowMs: number) => Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1000))

/** The rungs with the time each took the last time. Beside the ladder: all of them stand while a package is changed, none during a reinstall. */
function ladderOf({ status }: ProxmoxVM): Rung[] {
  const { localStatus = 'creation', history = [] } = status ?? {}
  const at = localStatuses.indexOf(localStatus as LocalStatus)
  const reached = at === -1 ? (localStatus === 'reinstall' ? -1 : localStatuses.length - 1) : at
  // `creation` and `clone` are shown while they are under way, the others once they are finished.
  const under = localStatus === 'ready' || at === -1 ? -1 : isUnderWay(status, localStatus) ? at : at + 1
  return localStatuses.map((rung, index) => {
    const line = history.findLast((entry) => entry.step === rung && entry.outcome === 'Done')
    const is = index === under ? 'now' : index <= reached ? 'done' : 'to do'
    return { rung, is, ...(line && is === 'done' && { startedAt: line.startedAt, seconds: line.seconds }) }
  })
}

function isUnderWay(status: ProxmoxVM['status'], localStatus: string): boolean {
  if (localStatus === 'creation') return status?.intentAt === undefined
  return localStatus === 'clone' && conditionOf(status?.conditions, 'Cloned')?.status !== 'True'
}

function waitOf({ metadata, status }: ProxmoxVM): StatusReport['waitsFor'] {
  const ready = conditionOf(status?.conditions, 'Ready')
  if (!ready) return { reason: 'NotSeen', message: 'No operator has read this object yet.', who: 'operator' }
  const isOld = (status?.observedGeneration ?? -1) < (metadata.generation ?? 0)
  const unread = 'The operator has not read the newest edit of the spec yet'
  if (ready.status === 'True') return isOld ? { reason: 'Applying', message: `${unread}.`, who: 'operator' } : undefined
  const who = reasons[ready.reason as Reason]?.who ?? 'operator'
  // The edit may be what somebody was asked for.
  if (isOld && who !== 'operator')
    return { reason: 'Applying', message: `${unread}; of the one before it said ${ready.reason}: ${ready.message}`, who: 'operator' }
  return { reason: ready.reason, message: ready.message, who }
}

/** Conditions whose False is worth a line, and those whose True is. */
const goodWhenTrue = ['AddressesAllocated', 'Cloned', 'TemplateApplied', 'PackageApplied', 'NetworkConfigured', 'FirewallConfigured']
const goodWhenFalse = ['Suspended', 'RestartRequired', 'Paused']

function remarksOn(conditions: readonly Condition[]): StatusReport['remarks'] {
  const isRemark = ({ type, status, message }: Condition) =>
    message !== '' &&
    (([...goodWhenTrue, 'CloudInitConfigured', 'DNSSynced'].includes(type) && status === 'False') ||
      (goodWhenFalse.includes(type) && status === 'True'))
  return conditions.filter(isRemark).map(({ type, reason, message }) => ({ type, reason, message }))
}

function told({ eventTime, series, type, reason, note = '' }: Event) {
  return { at: (series?.lastObservedTime ?? eventTime ?? '').replace(/\.\d+Z$/, 'Z'), type, reason, note, count: series?.count ?? 1 }
}
