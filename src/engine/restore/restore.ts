/** A restore up to the point where the ladder brings the VM to its package: asked for, checked, begun, the VM of the file there. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { markOf } from '../../ladder/mark.ts'
import { type Obstacle, type Outcome, isOutcome, stalled } from '../../ladder/outcome.ts'
import { readiness } from '../conditions.ts'
import { isCarriedOutAlready, wasCarriedOut } from '../create/carried-out.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { lockObstacle } from '../lock-sentence.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { judged, noted } from '../status.ts'
import { askRestore } from './ask-restore.ts'
import { endRestore } from './end-restore.ts'
import { followRestore } from './follow-restore.ts'
import { planRestore } from './restore-check.ts'
import { changeRestore, noteRestoreBegun, noteRestoreWithdrawn, requestedRestore, whatRestoreIsAsked } from './restore-state.ts'

/** Goes on with a restore under way, or begins one that is asked for. Undefined: there is none, or its VM is there for the ladder. */
export async function restoreIfAsked(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { draft } = pass
  await heedChangeOfMind(pass, cluster)
  if (await endKnown(pass, cluster)) return undefined
  const { running } = draft.status.restore ?? {}
  if (running?.restoredAt !== undefined) return await becomeOurs(pass, cluster)
  if (running?.askedAt !== undefined) return await followRestore(pass, cluster)
  const requestID = running?.requestID ?? requestedRestore(draft.vm, draft.status)
  if (requestID === undefined) return undefined
  const isFree = draft.status.firstReadyAt !== undefined && draft.status.reinstall?.running === undefined && !draft.status.change
  if (!running && (!isFree || (await wasCarriedOut(pass, cluster, { is: 'restore', requestID })))) return undefined
  const plan = await planRestore(pass, cluster)
  if (isOutcome(plan)) return notBegun(pass, requestID, plan)
  if (!running) await beginRestore(pass, requestID, plan)
  return await askRestore(pass, cluster, plan)
}

const wayOut = 'Write a new spec.restore.requestID to replace the request, or remove spec.restore to cancel it.'

/** Why the request cannot go on; what is lost is said as well. */
function notBegun({ draft }: Pass, requestID: string, hindrance: Obstacle): Obstacle {
  const { running } = draft.status.restore ?? {}
  const what = running?.isDiskless
    ? `Restore ${requestID} deleted the disks of VM ${draft.status.vmid}, and ${running.volume} is the only copy.`
    : `Restore ${requestID} has not begun, and nothing was deleted.`
  return { ...hindrance, message: `${what} ${hindrance.message}${hindrance.is === 'stalled' ? ` ${wayOut}` : ''}` }
}

/** The intent is in status before anything is deleted, so that an interrupted restore is finished and never begun twice. */
async function beginRestore({ deps, draft }: Pass, requestID: string, { volume, node }: { volume: string; node: string }): Promise<void> {
  const iso = nowIso(deps.clock)
  const { verdicts, dropped } = readiness('reconciling', 'Restoring', `Restore ${requestID} from ${volume} is under way.`)
  draft.change(noteRestoreBegun({ requestID, volume, node, since: iso }), judged(draft.vm, iso, verdicts, dropped))
  await draft.save()
  recordEvent(deps, draft.vm, 'Normal', 'RestoreStarted', `request ${requestID}, from ${volume}`)
}

/** A request that has deleted nothing is withdrawn with its field; another one takes the place of one that has failed. */
async function heedChangeOfMind(pass: Pass, cluster: PveCluster): Promise<void> {
  const { deps, draft } = pass
  const { running } = draft.status.restore ?? {}
  const asked = whatRestoreIsAsked(draft.vm, draft.status)
  const { restore: wish } = draft.vm.spec
  if (!running || asked === 'this') return
  const iso = nowIso(deps.clock)
  const told = (message: string) => noted('restore', iso, 'Withdrawn', message)
  if (asked === 'none') {
    await endRestore(pass, cluster)
    draft.change(noteRestoreWithdrawn, told(`Restore ${running.requestID} was cancelled before anything was deleted.`))
  } else
    draft.change(
      changeRestore(({ attempts: _, ...rest }) => ({ ...rest, requestID: wish?.requestID ?? rest.requestID })),
      told(`Restore ${wish?.requestID} replaces ${running.requestID}, which had failed.`),
    )
  await draft.save()
}

/** True: the restore under way has ended, as the VM's own description says, and the status is older than that. */
async function endKnown(pass: Pass, cluster: PveCluster): Promise<boolean> {
  const { draft, deps } = pass
  const { requestID, restoredAt } = draft.status.restore?.running ?? {}
  if (requestID === undefined || restoredAt !== undefined) return false
  if (!(await isCarriedOutAlready(pass, cluster, { is: 'restore', requestID }))) return false
  await endRestore(pass, cluster)
  const told = `Restore ${requestID} was carried out before: the description of the VM says so, and the status is older.`
  draft.change(noteRestoreWithdrawn, ({ possessions: _, ...status }) => status, noted('ready', nowIso(deps.clock), 'CarriedOut', told))
  await draft.save()
  return true
}

/** The VM is whole. Until it carries our mark again it is ours by the intent, and the next write gives it the mark. */
async function becomeOurs({ deps, draft }: Pass, cluster: PveCluster): Promise<Obstacle | undefined> {
  const { restore, vmid = 0, node } = draft.status
  if (restore?.running?.markedAt !== undefined) return undefined
  const mark = markOf(draft.vm.metadata.uid ?? '', vmid)
  const look = new Look({ cluster, vmid, mark, ...(node && { expectedNode: node }), proofSinceMs: deps.clock.monotonicMs() })
  await look.need('presence')
  const { guest, lock } = look.seen
  if (guest === 'ours') draft.change(changeRestore((running) => ({ ...running, markedAt: nowIso(deps.clock) })))
  if (guest === 'ours' || (guest === 'foreign' && lock !== 'create')) return undefined
  if (guest === 'unproved') return look.unproved(`The operator cannot confirm whether VM ${vmid} exists`)
  if (guest === 'absent') return stalled('VMMissing', `VM ${vmid} was restored and no longer exists in PVE. ${wayOut}`)
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: lock ?? 'clone' }))
  return await lockObstacle({
    cluster,
    at: look.at,
    lock: lock ?? 'clone',
    seenBefore,
    next: 'the restore goes on when PVE releases the lock',
  })
}
