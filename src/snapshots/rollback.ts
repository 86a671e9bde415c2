/** Rolls a VM back to a snapshot: once, and its configuration is the package's again before anybody starts it. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { unplanned } from '../engine/apply/change.ts'
import { pauseLeftMs, sentAgain } from '../engine/apply/repeats.ts'
import { readiness } from '../engine/conditions.ts'
import { nowIso } from '../engine/dependencies.ts'
import { failuresOf } from '../engine/remove/removal-receipt.ts'
import { lockObstacle } from '../engine/lock-sentence.ts'
import { findLostTask } from '../engine/lost-task.ts'
import { freshMemory, type Unshown } from '../engine/memory.ts'
import type { Pass } from '../engine/pass.ts'
import { type Change, judged, noted as inHistory, resting, working } from '../engine/status.ts'
import { type Outcome, wait, waitForTask } from '../ladder/outcome.ts'
import { type Failure, judge, judgeExit } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import { lostAfterMs } from '../engine/create/clone-requests.ts'
import { pveTime } from '../engine/pve-time.ts'
import { unansweredForMs } from '../engine/unanswered.ts'
import { isLongUnlocked, unreportedEnd } from '../engine/unreported-end.ts'
import { checkRollback } from './rollback-check.ts'

type Running = NonNullable<NonNullable<ProxmoxVMStatus['rollback']>['running']>

const noted =
  (more: Partial<Running>): Change =>
  (status) =>
    status.rollback?.running ? { ...status, rollback: { ...status.rollback, running: { ...status.rollback.running, ...more } } } : status

/** The rollback on record goes on from where it is. Undefined: there is none, or it has ended and the VM's own steps go on. */
export async function followRollback(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { draft, deps } = pass
  const running = draft.status.rollback?.running
  if (!running) return undefined
  draft.change(working('rollback', nowIso(deps.clock), failuresOf(draft.status, 'rollback')))
  if (running.upid !== undefined) return await readEnd(pass, cluster, running, running.upid)
  if (running.askedAt !== undefined) {
    const lost = await lostTask(pass, cluster, running.askedAt)
    if (lost !== undefined) return await receipted(pass, lost)
    // A second one would take back what was written after the first.
    if (unansweredForMs(pass, requestOf(running)) < lostAfterMs)
      return wait('RollingBack', "PVE's answer was lost; the operator asks PVE for the result of the rollback.", 3_000)
  }
  return isCancelled(pass, running) ? await cancel(pass, running) : await send(pass, cluster, running)
}

/** Its command was deleted, or has failed, before PVE began: nobody expects it any more, and it would take back what was written since. */
function isCancelled({ deps, key }: Pass, { requestID }: Running): boolean {
  const byCommand = /^command\/(.*)$/.exec(requestID)?.[1]
  return !deps.commandsOf(key).some(({ metadata, status }) => metadata.uid === byCommand && status?.finishedAt === undefined)
}

async function cancel(pass: Pass, running: Running): Promise<undefined> {
  const told = `The rollback to ${running.object} was cancelled with its command before PVE began it.`
  pass.draft.change(inHistory('rollback', nowIso(pass.deps.clock), 'Withdrawn', told))
  return await failed(pass, running, told)
}

const requestOf = ({ requestID, askedAt }: Running): string => `${requestID} ${askedAt}`

async function lostTask({ draft }: Pass, cluster: PveCluster, askedAt: string): Promise<string | undefined> {
  const { node = '', vmid = 0 } = draft.status
  return await findLostTask(cluster, { node, vmid, type: 'qmrollback', askedAt, known: new Set() })
}

async function send(pass: Pass, cluster: PveCluster, running: Running): Promise<Outcome | undefined> {
  const { deps, draft } = pass
  const pause = pauseWhileBusy(pass, running)
  if (pause) return pause
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  const { guest, lock } = look.seen
  if (guest !== 'ours')
    return await failed(pass, running, `PVE does not show VM ${draft.status.vmid} as the VM of this object; nothing was done.`)
  if (lock) {
    const next = 'the rollback waits until PVE releases the lock'
    return await lockObstacle({ cluster, at: look.at, lock, seenBefore: draft.written.remoteLock, next })
  }
  // Much may have happened since the command was allowed.
  const plan = await checkRollback(pass, cluster, running.object)
  if ('why' in plan) return await failed(pass, running, `${plan.why} Nothing was done.`)
  const askedAt = pveTime(cluster, deps)
  draft.change(noted({ askedAt, withMemory: plan.withMemory }))
  await draft.save()
  unansweredForMs(pass, requestOf({ ...running, askedAt }))
  deps.mayAct()
  try {
    return await receipted(pass, await cluster.pve.snapshots(look.at).rollback(running.snapshot))
  } catch (fault) {
    if (!(fault instanceof PveError)) throw fault
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome')
      return wait('RollingBack', "PVE's answer was lost; the operator asks PVE for the result of the rollback.", 3_000)
    if (isBusy(failure)) return await retryLater(pass, running, failure.message)
    return await failed(pass, running, failure.message)
  }
}

async function receipted(pass: Pass, upid: string): Promise<Outcome> {
  pass.draft.change(noted({ upid }))
  await pass.draft.save()
  return waitForTask(upid, 'PVE rolls the VM back.')
}

async function readEnd(pass: Pass, cluster: PveCluster, running: Running, upid: string): Promise<Outcome | undefined> {
  const end = cluster.tasks.ended(upid)
  if (!end) return waitForTask(upid, 'PVE rolls the VM back.')
  if (end.is === 'ok') return await finish(pass, running)
  const unreported = unreportedEnd(cluster, upid, { of: 'the rollback', isShown: isLongUnlocked({ cluster, deps: pass.deps }, upid) })
  if (unreported) return unreported
  if (end.is === 'unknown') return await failed(pass, running, `PVE no longer has the result: ${end.why}`)
  if (isBusy(judgeExit(end.exitstatus))) return await retryLater(pass, running, end.exitstatus)
  return await failed(pass, running, end.exitstatus)
}

/** Nothing was done: somebody was faster. */
const isBusy = ({ kind }: Failure): boolean => kind === 'busy' || kind === 'locked'

async function retryLater(pass: Pass, running: Running, words: string): Promise<Outcome> {
  const { draft, deps, memory } = pass
  const attempts = (failuresOf(draft.status, 'rollback').attempts ?? 0) + 1
  draft.change(
    ({ rollback, ...status }) => ({ ...status, rollback: { ...rollback, running: withoutRequest(running) } }),
    working('rollback', nowIso(deps.clock), { attempts, lastError: words.slice(0, 1024) }),
  )
  await draft.save()
  const nowMs = deps.clock.monotonicMs()
  const busy = sentAgain(busyWith(pass, running), nowMs)
  memory.snapshots.busy = { requestID: running.requestID, ...busy }
  return waitWhileBusy(words, pauseLeftMs(busy, nowMs))
}

const busyWith = ({ memory: { snapshots } }: Pass, { requestID }: Running): Unshown | undefined =>
  snapshots.busy?.requestID === requestID ? snapshots.busy : undefined

/** A PVE that refuses at once is not asked again at once. */
function pauseWhileBusy(pass: Pass, running: Running): Outcome | undefined {
  const busy = busyWith(pass, running)
  const leftMs = busy ? pauseLeftMs(busy, pass.deps.clock.monotonicMs()) : 0
  return leftMs > 0 ? waitWhileBusy(pass.draft.status.step?.lastError ?? '', leftMs) : undefined
}

const waitWhileBusy = (words: string, ms: number): Outcome =>
  wait('RollingBack', `PVE is busy with the VM; the operator retries the rollback: ${words}`, ms)

const withoutRequest = ({ askedAt: _, upid: __, ...running }: Running): Running => running

/** Without memory the VM is off now, with the configuration of then: the steps put it right, and start it last. */
async function finish(pass: Pass, running: Running): Promise<undefined> {
  const { draft, deps, memory } = pass
  const iso = nowIso(deps.clock)
  draft.change(resting, withoutOldPassword, (status) => ({ ...status, rollback: { completedID: running.requestID } }))
  if (running.withMemory) {
    // It runs, as it did then: what differs is repaired as far as PVE takes it live, and nobody stops it.
    const { verdicts, dropped } = readiness('ready', 'Running', '')
    draft.change(judged(draft.vm, iso, verdicts, dropped), (status) => ({ ...status, remoteStatus: 'running' }))
  } else draft.change(putRight(running, iso))
  memory.audit.isDue = true
  await draft.save()
  return undefined
}

/** The guest may be off, and its disks may be as before or half gone back: PVE's lock stays on it then, and the steps tell that. */
async function failed(pass: Pass, running: Running, words: string): Promise<undefined> {
  const { draft, deps, memory } = pass
  const message = words.trim().slice(0, 1000)
  // A former attempt that PVE ended as busy may have switched the guest off.
  const isTried = failuresOf(draft.status, 'rollback').attempts !== undefined
  const wasAsked = isTried || draft.status.rollback?.running?.askedAt !== undefined
  draft.change(resting, ({ rollback, ...status }) => ({
    ...status,
    rollback: { ...(rollback?.completedID && { completedID: rollback.completedID }), failed: { requestID: running.requestID, message } },
  }))
  if (wasAsked) draft.change(putRight(running, nowIso(deps.clock)))
  else {
    const { verdicts, dropped } = readiness('ready', running.wasRunning ? 'Running' : 'Stopped', '')
    draft.change(judged(draft.vm, nowIso(deps.clock), verdicts, dropped))
  }
  memory.audit.isDue = true
  await draft.save()
  return undefined
}

/** As a change of package: everything that differs is brought to the package, and the VM is started last if it ran. */
const putRight =
  ({ wasRunning }: Running, since: string): Change =>
  (status) => ({ ...status, change: { since, generation: unplanned, ...(wasRunning && { wasRunning: true }) } })

/** PVE has the password of then, and does not tell it: today's is sent again. */
const withoutOldPassword: Change = ({ cloudInit, ...status }) => {
  if (!cloudInit) return status
  const { passwordVersion: _, ...rest } = cloudInit
  return { ...status, cloudInit: rest }
}
