/** Deletes one snapshot in PVE, because its object is deleted; then the object goes. */
import { lookOf } from '../engine/apply/ascent.ts'
import { pauseAfter, sentAgain } from '../engine/apply/repeats.ts'
import { lostAfterMs } from '../engine/create/clone-requests.ts'
import { freshMemory, type Unshown } from '../engine/memory.ts'
import { observes } from '../engine/observe.ts'
import { type Obstacle, type Outcome, done, wait, waitForTask } from '../ladder/outcome.ts'
import { typeOfUpid } from '../proxmox/upid.ts'
import { snapshotName } from './life.ts'
import { listSnapshots } from './listed.ts'
import { lookAgainMs, nextTryMs, sayObserved, taskUnderWay, waitForLock } from './obstacles.ts'
import { quietly, type SnapshotPass, tell } from './snapshot-pass.ts'
import { askedForMs } from './take.ts'

/** One step of it. Needs no note before the request: a second one finds nothing to delete. */
export async function removeSnapshot(pass: SnapshotPass): Promise<Outcome> {
  const { deps, draft, cluster, snapshot } = pass
  const { status } = snapshot
  // One that failed may have left something half made behind, which goes by the same request.
  if (status.intentAt === undefined && status.failedAt === undefined) return await letGo(pass)
  if (status.upid !== undefined && cluster.tasks.ended(status.upid) === undefined)
    return quietly(waitForTask(status.upid, 'PVE deletes a snapshot.'))
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  const { guest, lock } = look.seen
  if (guest === 'absent') return await letGo(pass)
  if (guest !== 'ours') return await hold(pass, 'PVE does not show its VM as the VM of this object now')
  const listed = (await listSnapshots(pass, cluster)).find(({ name }) => name === snapshotName(snapshot.snapshot))
  if (!listed) return await whenNothingComes(pass)
  if (lock) return await waitForLock(pass, look.at, lock)
  const end = status.upid === undefined ? undefined : cluster.tasks.ended(status.upid)
  if (end?.is === 'failed') return await failed(pass, end.exitstatus)
  const pause = pauseOf(pass)
  if (pause) return await sayPaused(pass, pause)
  if (await taskUnderWay(pass, 'qmdelsnapshot')) return quietly(wait('TaskRunning', 'PVE deletes a snapshot.', lookAgainMs))
  if (observes(cluster)) return await sayObserved(pass, `snapshot ${listed.name} of VM ${draft.status.vmid} would be deleted`)
  deps.mayAct()
  const upid = await cluster.pve.snapshots(look.at).delete(listed.name)
  pass.memory.snapshots.deletions.set(uidOf(pass), sentAgain(deletionOf(pass), deps.clock.monotonicMs()))
  snapshot.status = { ...snapshot.status, upid }
  snapshot.say('reconciling', 'DeletingSnapshot', `PVE deletes snapshot ${listed.name} of VM ${draft.status.vmid}.`)
  await snapshot.save()
  return quietly(waitForTask(upid, 'PVE deletes a snapshot.'))
}

const uidOf = ({ snapshot }: SnapshotPass): string => snapshot.snapshot.metadata.uid ?? ''

/** The deletion that PVE accepted. The task on record is the word of a former process. */
function deletionOf(pass: SnapshotPass): Unshown | undefined {
  const { snapshot, memory, deps } = pass
  const { deletions } = memory.snapshots
  const uid = uidOf(pass)
  const { upid } = snapshot.status
  if (!deletions.has(uid) && upid !== undefined && typeOfUpid(upid) === 'qmdelsnapshot')
    deletions.set(uid, sentAgain(undefined, deps.clock.monotonicMs()))
  return deletions.get(uid)
}

function pauseOf(pass: SnapshotPass): Obstacle | undefined {
  const { snapshot, draft, deps } = pass
  const deletion = deletionOf(pass)
  const sentence = `snapshot ${snapshotName(snapshot.snapshot)} of VM ${draft.status.vmid} is still there after its deletion`
  return deletion && pauseAfter(deletion, sentence, deps.clock.monotonicMs())
}

async function sayPaused({ snapshot }: SnapshotPass, pause: Obstacle): Promise<Outcome> {
  snapshot.say('reconciling', pause.reason, pause.message)
  await snapshot.save()
  return quietly(pause)
}

/** It is not in PVE. One that was asked for and not answered may still come. */
async function whenNothingComes(pass: SnapshotPass): Promise<Outcome> {
  const { createdAt, upid, failedAt } = pass.snapshot.status
  const isKnown = createdAt !== undefined || failedAt !== undefined || upid !== undefined
  const mayCome = !isKnown && askedForMs(pass) < lostAfterMs
  const sentence = "PVE's answer was lost; the operator asks PVE for the result of the request."
  if (await taskUnderWay(pass, 'qmsnapshot')) return quietly(wait('TaskRunning', sentence, lookAgainMs))
  // Nothing that PVE works on, so the VM itself goes on meanwhile.
  if (mayCome) return quietly(wait('DeletingSnapshot', sentence, lookAgainMs))
  return await letGo(pass)
}

/** Nothing of it is left in PVE. */
async function letGo(pass: SnapshotPass): Promise<Outcome> {
  const { snapshot, draft } = pass
  const { status } = snapshot
  const wasTaken = status.createdAt !== undefined
  pass.deps.mayAct()
  await snapshot.dropFinalizer()
  pass.memory.snapshots.deletions.delete(uidOf(pass))
  pass.deps.kinds.forget(snapshot.snapshot.metadata.uid ?? '')
  if (wasTaken) tell(pass, 'Normal', 'SnapshotDeleted', `Snapshot ${status.name} of VM ${draft.status.vmid} no longer exists in PVE.`)
  return done
}

/** Tried again for ever: what PVE has of it would count for nobody. */
async function failed(pass: SnapshotPass, words: string): Promise<Outcome> {
  const { snapshot, draft } = pass
  pass.memory.snapshots.deletions.delete(uidOf(pass))
  const { upid: _, ...status } = snapshot.status
  snapshot.status = status
  const what = `PVE failed to delete snapshot ${snapshotName(snapshot.snapshot)} of VM ${draft.status.vmid}: ${words.trim().replace(/[.]$/, '')}.`
  return await hold(pass, what.replace(/[.]$/, ''))
}

async function hold({ snapshot }: SnapshotPass, why: string): Promise<Outcome> {
  snapshot.say('reconciling', 'DeletingSnapshot', `${why}. The operator retries every ${nextTryMs / 1000} s.`)
  await snapshot.save()
  return quietly(wait('DeletingSnapshot', why, nextTryMs))
}
