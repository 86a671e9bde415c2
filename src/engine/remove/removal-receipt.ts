/** How a step of a removal ended: read from its receipt, told, and the next try paced. */
import { judgeExit } from '../../proxmox/failures.ts'
import type { Failure } from '../../proxmox/failures.ts'
import { isTaskOver } from '../../proxmox/task-end.ts'
import { typeOfUpid } from '../../proxmox/upid.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { StepName } from '../../api/words.ts'
import { forgetLastSent } from '../apply/repeats.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { notedOnce, stepDone, working } from '../status.ts'
import { tellWarnings } from '../task-warnings.ts'
import { unreportedEnd } from '../unreported-end.ts'
import { type Outcome, wait, waitForTask } from '../../ladder/outcome.ts'

/** Pauses after the first failures of a step, in seconds; then the last one. */
const pauses = [2, 4, 8, 16, 30] as const

const doing: Readonly<Partial<Record<StepName, string>>> = {
  stop: 'Cutting the power of',
  delete_backups: 'Deleting a backup of',
  remove: 'Deleting',
  restore: 'Restoring',
}
const ending: Readonly<Partial<Record<StepName, string>>> = {
  stop: 'the stop',
  delete_backups: 'the deletion of a backup',
  remove: 'the deletion',
}
/** Everything else (a shutdown, a resize) is overtaken by cutting the power. */
const notInterrupted: ReadonlySet<StepName> = new Set<StepName>(['clone', 'restore', 'stop', 'delete_backups', 'remove'])

export type RemovalReceipt =
  /** The OK of our own destroy is proof; nobody need be asked. */
  | { readonly is: 'gone' }
  /** PVE has just stopped it. */
  | { readonly is: 'stopped' }

/**
 * An outcome: the task runs, or it failed and the next try is due later. Undefined: nothing is known but by looking.
 * `mayPassOver`: the VM is still there, and backups that fail to go do not hold it up.
 */
export async function readRemovalReceipt(
  pass: Pass,
  cluster: PveCluster,
  mayPassOver: boolean,
): Promise<RemovalReceipt | Outcome | undefined> {
  const { draft, deps, memory } = pass
  const { step } = draft.status
  if (!step?.upid || !notInterrupted.has(step.name)) return undefined
  const end = cluster.tasks.ended(step.upid)
  if (!end) return waitForTask(step.upid, `${doing[step.name] ?? 'Cloning to'} VM ${draft.status.vmid} is under way.`)
  if (step.name === 'clone' || step.name === 'restore') return undefined
  const unreported = unreportedEnd(cluster, step.upid, { of: ending[step.name] ?? 'the task', isShown: true })
  if (unreported) return unreported
  const iso = nowIso(deps.clock)
  draft.change(working(step.name, iso, failuresOf(draft.status, step.name)))
  // Only the next look shows what was done; the step is sent again with pauses.
  if (!isTaskOver(end)) return undefined
  if (end.is !== 'ok') {
    forgetLastSent(memory)
    const failure = judgeExit(end.is === 'failed' ? end.exitstatus : `the task ended without a result (${end.why})`)
    if (step.name !== 'delete_backups' || !mayPassOver) return failed(pass, step.name, failure)
    passOver(pass, step.name, failure)
    return undefined
  }
  delete memory.removal.pausedUntilMs
  if (end.warnings) await tellWarnings(pass, cluster, step.name, step.upid)
  // HA has only taken the wish down; until it acts the power is looked at, with pauses.
  if (typeOfUpid(step.upid) === 'hastop') return handedOver(pass)
  draft.change(stepDone(iso, ''))
  if (step.name === 'remove') return { is: 'gone' }
  return step.name === 'stop' ? { is: 'stopped' } : undefined
}

/** Its manager looks every 10 s, and the node acts within 20 more. */
const haPauseMs = 15_000

function handedOver({ memory, deps, draft }: Pass): Outcome {
  memory.removal.pausedUntilMs = deps.clock.monotonicMs() + haPauseMs
  return wait(
    'TaskRunning',
    `PVE's high availability was asked to stop VM ${draft.status.vmid} and usually does so within half a minute.`,
    haPauseMs,
  )
}

/** Attempts and last error of a step while it is tried again. */
export function failuresOf({ step }: ProxmoxVMStatus, name: StepName): { attempts?: number; lastError?: string } {
  if (step?.name !== name) return {}
  const { attempts, lastError } = step
  return { ...(attempts !== undefined && { attempts }), ...(lastError !== undefined && { lastError }) }
}

/** Told in status, history and an Event; the next try is due after a pause that grows. */
export function failed(pass: Pass, name: StepName, failure: Failure): Outcome {
  const { draft, deps, memory } = pass
  const iso = nowIso(deps.clock)
  const attempts = (failuresOf(draft.status, name).attempts ?? 0) + 1
  const message = `${doing[name] ?? name} VM ${draft.status.vmid} failed: ${failure.message.trim()}`
  const afterMs = (pauses[Math.min(attempts, pauses.length) - 1] ?? 0) * 1000
  memory.removal.pausedUntilMs = deps.clock.monotonicMs() + afterMs
  draft.change(notedOnce(name, iso, 'Failed', failure.message.trim()), working(name, iso, { attempts, lastError: message.slice(0, 1024) }))
  deps.observe.stepEnded(name, 'failed', 0)
  if (failure.terminal) return { is: 'stalled', reason: failure.reason, message }
  return { is: 'retry', reason: failure.reason, message, attempts, afterMs }
}

/** It has its turn again when all that does not depend on it is done. */
export function passOver({ draft, deps, memory }: Pass, name: StepName, failure: Pick<Failure, 'message'>): void {
  memory.removal.hasPassedOver = true
  draft.change(notedOnce(name, nowIso(deps.clock), 'Failed', failure.message.trim()))
}
