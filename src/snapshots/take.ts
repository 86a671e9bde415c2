/** Takes one snapshot, exactly once: by a name made from its uid, noted before the request, and looked for after it. */
import { capabilityOff } from '../cluster/capabilities.ts'
import { nowIso } from '../engine/dependencies.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { freshMemory } from '../engine/memory.ts'
import { observes } from '../engine/observe.ts'
import { unansweredForMs } from '../engine/unanswered.ts'
import { unreportedEnd } from '../engine/unreported-end.ts'
import { type Outcome, done, wait, waitForTask } from '../ladder/outcome.ts'
import { judge, judgeExit } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import type { ListedSnapshot } from '../proxmox/vm-snapshots.ts'
import { snapshotName } from './life.ts'
import { isoOf, listSnapshots } from './listed.ts'
import { keptSeconds, quotaObjection, unsupportedSentence } from './objections.ts'
import { contentsOf } from './contents.ts'
import { quietly, type SnapshotPass, tell } from './snapshot-pass.ts'
import { lookAgainMs, nextTryMs, sayObserved, taskUnderWay, waitForLock } from './obstacles.ts'

/** After this long a request without an answer has not reached PVE: its task would be listed. */
const unansweredMs = 30_000

/** Nothing stands in the way, or why not is said at the snapshot. `done`: there is nothing to wait for here. */
export async function beginSnapshot(pass: SnapshotPass): Promise<Outcome> {
  const { deps, draft, cluster, snapshot } = pass
  const object = snapshot.snapshot
  const others = deps.snapshotsOf(pass.key).filter(({ metadata }) => metadata.uid !== object.metadata.uid)
  const refused = quotaObjection(draft.status.package ?? {}, object, others)
  if (refused !== undefined) return await refuse(pass, 'QuotaExceeded', refused)
  if (observes(cluster)) return await sayObserved(pass, `a snapshot of VM ${draft.status.vmid} would be taken`)
  const off = capabilityOff(cluster.facts(), 'snapshot')
  if (off !== undefined) return await refuse(pass, 'PermissionDenied', off)
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  const { guest, lock, config } = look.seen
  if (guest !== 'ours')
    return await hold(
      pass,
      'SnapshotPending',
      'The snapshot waits for the VM, which PVE does not show as the VM of this object now.',
      nextTryMs,
    )
  if (lock) return await waitForLock(pass, look.at, lock)
  await look.need('power')
  const wantsMemory = object.spec.withMemory === true && look.seen.power === 'running'
  if (!(await cluster.pve.snapshots(look.at).isPossible())) {
    const storages = cluster.inventory.current()?.storages ?? []
    const typeOf = (storage: string) => storages.find((row) => row.storage === storage)?.pluginType
    return await refuse(pass, 'SnapshotUnsupported', unsupportedSentence(config?.values ?? {}, typeOf))
  }
  await snapshot.ensureFinalizer()
  if (snapshot.isDeleted) return done
  snapshot.status = {
    ...snapshot.status,
    name: snapshotName(object),
    vmUID: draft.vm.metadata.uid ?? '',
    intentAt: nowIso(deps.clock),
    withMemory: wantsMemory,
    contents: contentsOf(draft.status),
  }
  snapshot.say('reconciling', 'TakingSnapshot', `The operator asks PVE for snapshot ${snapshotName(object)} of VM ${look.at.vmid}.`)
  await snapshot.save()
  return await send(pass)
}

/** How long PVE has not answered the request for it, in ms. */
export const askedForMs = (pass: SnapshotPass): number =>
  unansweredForMs(pass, `${pass.snapshot.snapshot.metadata.uid} ${pass.snapshot.status.intentAt}`)

async function send(pass: SnapshotPass): Promise<Outcome> {
  const { deps, draft, cluster, snapshot } = pass
  const { metadata, spec } = snapshot.snapshot
  const description = [spec.description, `ProxmoxVMSnapshot ${metadata.namespace}/${metadata.name}`].filter(Boolean).join('\n')
  const at = { node: draft.status.node ?? '', vmid: draft.status.vmid ?? 0 }
  deps.mayAct()
  askedForMs(pass)
  const take = { name: snapshotName(snapshot.snapshot), description, withMemory: snapshot.status.withMemory === true }
  const upid = await cluster.pve
    .snapshots(at)
    .take(take)
    .catch((fault: unknown) => nothingBegun(pass, fault))
  snapshot.status = { ...snapshot.status, upid }
  snapshot.say('reconciling', 'TakingSnapshot', `PVE takes snapshot ${snapshotName(snapshot.snapshot)} of VM ${at.vmid}.`)
  await snapshot.save()
  return quietly(waitForTask(upid, 'PVE takes a snapshot.'))
}

/** A clear refusal: nothing is on its way. */
function nothingBegun({ snapshot }: SnapshotPass, fault: unknown): never {
  if (fault instanceof PveError && judge(fault).kind !== 'unknown-outcome') {
    const { intentAt: _, ...status } = snapshot.status
    snapshot.status = status
  }
  throw fault
}

/** What became of a request: the list of snapshots tells, and while nothing can be told nothing else is begun on the VM. */
export async function followTaking(pass: SnapshotPass): Promise<Outcome> {
  const { cluster, snapshot } = pass
  const { upid } = snapshot.status
  const end = upid === undefined ? undefined : cluster.tasks.ended(upid)
  if (upid !== undefined && end === undefined) return quietly(waitForTask(upid, 'PVE takes a snapshot.'))
  const listed = (await listSnapshots(pass, cluster)).find(({ name }) => name === snapshotName(snapshot.snapshot))
  if (listed && listed.state === undefined) return await finish(pass, listed)
  if (end?.is === 'failed') return await failed(pass, end.exitstatus)
  // The list was read before anybody knew whether the task had ended.
  const unreported = upid === undefined ? undefined : unreportedEnd(cluster, upid, { of: 'the snapshot', isShown: true })
  if (upid !== undefined && unreported) {
    snapshot.say('reconciling', unreported.reason, unreported.message)
    await snapshot.save()
    return quietly(waitForTask(upid, unreported.message))
  }
  const underWay = await taskUnderWay(pass, 'qmsnapshot')
  if (underWay) return quietly(wait('TaskRunning', 'PVE takes a snapshot.', lookAgainMs))
  if (listed) return await failed(pass, `PVE left the snapshot unfinished (${listed.state}), and no task works on it`)
  if (end !== undefined) return await failed(pass, 'the task ended, and PVE lists no such snapshot')
  if (askedForMs(pass) < unansweredMs)
    return quietly(wait('TaskRunning', "PVE's answer was lost; the operator asks PVE for the result.", lookAgainMs))
  return await askAgain(pass)
}

/** It has not reached PVE. Whatever else happened meanwhile, the same is judged from the beginning. */
async function askAgain({ snapshot }: SnapshotPass): Promise<Outcome> {
  const { intentAt: _, upid: __, ...status } = snapshot.status
  snapshot.status = status
  snapshot.say('reconciling', 'SnapshotPending', 'The request did not reach PVE; the operator sends it again.')
  await snapshot.save()
  return done
}

async function finish(pass: SnapshotPass, { takenAt, withMemory }: ListedSnapshot): Promise<Outcome> {
  const { draft, snapshot } = pass
  const seconds = keptSeconds(draft.status.package ?? {}, snapshot.snapshot)
  const { upid: _, ...status } = snapshot.status
  snapshot.status = {
    ...status,
    createdAt: isoOf(takenAt),
    withMemory,
    ...(seconds !== undefined && { expiresAt: isoOf(takenAt + seconds) }),
  }
  const wasOff = snapshot.snapshot.spec.withMemory === true && !withMemory
  const message = `Snapshot ${snapshotName(snapshot.snapshot)} of VM ${draft.status.vmid} is taken${wasOff ? '; the VM was off, so the snapshot has no memory' : ''}.`
  snapshot.say('ready', 'SnapshotTaken', message)
  await snapshot.save()
  tell(pass, 'Normal', 'SnapshotTaken', message)
  return done
}

async function failed(pass: SnapshotPass, words: string): Promise<Outcome> {
  const { snapshot, deps, draft } = pass
  const { kind } = judgeExit(words)
  // Nothing was done: PVE waited for one of its short locks, or the VM was locked by somebody who was faster.
  if (kind === 'busy' || kind === 'locked') return await askAgain(pass)
  const { upid: _, ...status } = snapshot.status
  snapshot.status = { ...status, failedAt: nowIso(deps.clock) }
  const message = `PVE failed to take a snapshot of VM ${draft.status.vmid}: ${words.trim().replace(/[.]$/, '')}. The operator does not retry; create another ProxmoxVMSnapshot.`
  snapshot.say('stalled', 'SnapshotFailed', message)
  await snapshot.save()
  tell(pass, 'Warning', 'SnapshotFailed', message)
  return done
}

/** The object says so, and the VM goes on. It is judged again when something about the VM or its snapshots changes, and every minute. */
async function refuse(
  pass: SnapshotPass,
  reason: 'QuotaExceeded' | 'PermissionDenied' | 'SnapshotUnsupported',
  why: string,
): Promise<Outcome> {
  const { snapshot } = pass
  const before = snapshot.status.conditions?.find(({ type }) => type === 'Ready')
  snapshot.say('stalled', reason, why)
  await snapshot.save()
  if (before?.reason !== reason) tell(pass, 'Warning', 'SnapshotFailed', why)
  return done
}

async function hold({ snapshot }: SnapshotPass, reason: 'SnapshotPending' | 'Locked', why: string, lookAfterMs: number): Promise<Outcome> {
  snapshot.say('reconciling', reason, why)
  await snapshot.save()
  return quietly(wait(reason, why, lookAfterMs))
}
