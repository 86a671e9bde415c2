/** A backup that PVE was asked for: what became of the request, whatever was lost on the way. */
import { type Outcome, wait, waitForTask } from '../ladder/outcome.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { hasLeft } from '../cluster/has-left.ts'
import { lostAfterMs } from '../engine/create/clone-requests.ts'
import { tellWarnings } from '../engine/task-warnings.ts'
import { isLongUnlocked, unreportedEnd } from '../engine/unreported-end.ts'
import { endOf, isNodeSilent, type TaskEnd } from '../proxmox/task-end.ts'
import { type BackupPass, clusterOfBackup } from './backup-pass.ts'
import { fileByMark, fileByTask, isTaskOf, whyFailed } from './backup-files.ts'
import { finishBroken, finishMade } from './finish-backup.ts'

/** A task may appear this late after its request: that is checked and forked first. */
const silentMs = 60_000
/** PVE lets a backup wait 3 h for the one before it, and locks the VM only then. */
const queuedMs = 4 * 3_600_000
/** PVE tells starts in whole seconds. */
const slackSeconds = 5
const mostTasks = 100

export async function followBackup(pass: BackupPass): Promise<Outcome> {
  const { backup } = pass
  const cluster = clusterOfBackup(pass)
  if (!cluster) return wait('ClusterNotReady', `The backup waits for ProxmoxCluster "${backup.status.cluster}".`)
  const { upid } = backup.status
  if (upid === undefined) return await findRequest(pass, cluster)
  const end = cluster.tasks.ended(upid)
  if (!end) return waitForTask(upid, `PVE backs up VM ${backup.status.vmid} to ${backup.status.storage}.`)
  return await concludeBackup(pass, cluster, upid, end)
}

/** The file decides: tasks fail having succeeded, and end well having written no notes. */
async function concludeBackup(pass: BackupPass, cluster: PveCluster, upid: string, end: TaskEnd): Promise<Outcome> {
  const { backup, of } = pass
  if (end.is === 'ok' && end.warnings && of) await tellWarnings(of, cluster, 'ready', upid)
  const where = backup.status
  // The log of a task is on its node alone.
  const hasLog = end.is !== 'failed' && !isNodeSilent(end)
  const file = (await fileByMark(cluster, where, backup.uid)) ?? (hasLog ? await fileByTask(cluster, where, upid) : undefined)
  if (file) return finishMade(pass, file)
  const unreported = unreportedEnd(cluster, upid, {
    of: 'the backup',
    isShown: isLongUnlocked({ cluster, deps: pass.deps }, upid, queuedMs),
  })
  if (unreported) return unreported
  if (end.is === 'failed') return finishBroken(pass, await whyFailed(cluster, upid, end.exitstatus))
  return finishBroken(pass, end.is === 'ok' ? `its task succeeded, but ${where.storage} does not list the file` : end.why)
}

/** The answer was lost, or the process died: it is listed before it is asked for again. */
async function findRequest(pass: BackupPass, cluster: PveCluster): Promise<Outcome> {
  const { backup, deps, memory } = pass
  const file = await fileByMark(cluster, backup.status, backup.uid)
  if (file) return finishMade(pass, file)
  memory.requestedMs ??= deps.clock.monotonicMs()
  const found = await findTask(pass, cluster)
  if (found.upid !== undefined) {
    pass.slots.noteBegun(backup.uid)
    backup.change({ upid: found.upid })
    await backup.save()
    if (found.end) return await concludeBackup(pass, cluster, found.upid, found.end)
    return waitForTask(found.upid, `PVE backs up VM ${backup.status.vmid} to ${backup.status.storage}.`)
  }
  // One that comes after its object has gone would be nobody's.
  const possibleMs = backup.backup.metadata.deletionTimestamp === undefined ? silentMs : lostAfterMs
  const sinceMs = deps.clock.monotonicMs() - memory.requestedMs
  const isStillPossible = found.mayBe || sinceMs < possibleMs
  if (isStillPossible && !found.mayBe && sinceMs >= silentMs) pass.slots.noteOverdue(backup.uid)
  if (isStillPossible)
    return wait('BackupRunning', "PVE's answer may have been lost; the operator looks up the result of the request.", 5_000)
  backup.forgetRequest()
  delete memory.requestedMs
  pass.slots.release(backup.uid)
  return wait('Retrying', 'PVE did not receive the request; the operator sends it again.', 0)
}

interface Found {
  readonly upid?: string
  readonly end?: TaskEnd
  /** One that may be ours has not said yet which backup it makes. */
  readonly mayBe?: boolean
}

async function findTask({ backup, deps, key }: BackupPass, cluster: PveCluster): Promise<Found> {
  const { node = '', vmid = 0, requestedAt = '' } = backup.status
  if (hasLeft(cluster, node)) return {}
  const since = Math.floor(Date.parse(requestedAt) / 1000) - slackSeconds
  const known = new Set(deps.backupsOf(key).map(({ status }) => status?.upid))
  let mayBe = false
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(node, { source, typefilter: 'vzdump', vmid, since, limit: mostTasks })
    for (const { upid, status } of tasks.filter((task) => !known.has(task.upid))) {
      const isOurs = await isTaskOf(cluster, upid, backup.uid)
      if (isOurs) return { upid, ...(status !== 'RUNNING' && { end: endOf(status) }) }
      mayBe ||= isOurs === undefined && status === 'RUNNING'
    }
  }
  return { mayBe }
}
