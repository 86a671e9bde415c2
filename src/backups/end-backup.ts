/** A finished backup that somebody changes, and the end of a ProxmoxVMBackup: whether its file goes with it. */
import { abandonBackupsAnnotation } from '../api/group.ts'
import { proxmoxVMBackups } from '../api/meta.ts'
import { pauseAfter, sentAgain } from '../engine/apply/repeats.ts'
import { nowIso, recordEvent } from '../engine/dependencies.ts'
import { isKindLeaving } from '../engine/kind-leaving.ts'
import { observes, wouldDo } from '../engine/observe.ts'
import { needsFile } from '../engine/restore/restore-state.ts'
import { isFileOfBackup, parseBackupMark } from '../ladder/backup-mark.ts'
import { done, type Obstacle, type Outcome, retry, stalled, wait, waitForTask } from '../ladder/outcome.ts'
import { judgeExit } from '../proxmox/failures.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { type BackupPass, clusterOfBackup } from './backup-pass.ts'
import { fileStatus, reachedFrom } from './backup-files.ts'
import { followBackup } from './follow-backup.ts'

/** PVE itself waits this long for the deletion of a file before it answers with a task. */
const deleteDelaySeconds = 20

/** A changed `spec.protected` reaches PVE; anything else of a finished backup stays as it is. */
export async function keepBackup(pass: BackupPass): Promise<Outcome> {
  const { backup, deps } = pass
  const wanted = backup.backup.spec.protected
  const { volume, storage = '', node = '' } = backup.status
  if (volume === undefined || wanted === undefined || wanted === backup.status.protected) return isJudged(pass) ? done : rejudge(pass)
  const cluster = clusterOfBackup(pass)
  if (!cluster) return wait('ClusterNotReady', `The backup waits for ProxmoxCluster "${backup.status.cluster}".`)
  const needed = wanted ? undefined : neededByRestore(pass, volume, 'the operator removes its protection')
  if (needed) return needed
  if (observes(cluster)) return wouldDo(cluster, `the protection of ${volume} would be ${wanted ? 'set' : 'taken off'}`)
  deps.mayAct()
  await cluster.pve.protectBackup(reachedFrom(cluster, storage, node), storage, volume, wanted)
  backup.change({ protected: wanted })
  return rejudge(pass)
}

const isJudged = ({ backup }: BackupPass) =>
  backup.status.observedGeneration === backup.backup.metadata.generation &&
  !(backup.status.conditions ?? []).some(({ type }) => type === 'Reconciling')

function rejudge({ backup, deps }: BackupPass): Outcome {
  const { volume, size, phase } = backup.status
  if (phase === 'Succeeded') backup.finish('Succeeded', 'Succeeded', `${volume}, ${size ?? 'size unknown'}`, nowIso(deps.clock))
  else if (backup.status.conditions) {
    const [ready] = backup.status.conditions
    backup.finish('Failed', 'BackupFailed', ready?.message ?? '', nowIso(deps.clock))
  }
  return done
}

/** The object is being deleted. Its file goes only where deletionPolicy says so, is there, is this backup's, and is not protected. */
export async function endBackup(pass: BackupPass): Promise<Outcome> {
  const { backup } = pass
  if (!backup.hasFinalizer) return done
  const { spec, metadata } = backup.backup
  const isGivenUp = metadata.annotations?.[abandonBackupsAnnotation] === 'true'
  if (spec.deletionPolicy !== 'Delete' || isGivenUp) return await letGo(pass)
  if (await isKindLeaving(pass.deps, backup.backup, proxmoxVMBackups.plural)) return await letGo(pass)
  if (backup.status.requestedAt !== undefined && backup.status.finishedAt === undefined) {
    const followed = await followBackup(pass)
    if (followed.is !== 'done') return followed
  }
  const { volume } = backup.status
  if (volume === undefined) return await letGo(pass)
  const cluster = clusterOfBackup(pass)
  if (!cluster)
    return wait(
      'ClusterNotReady',
      `ProxmoxCluster "${backup.status.cluster}" does not exist or is not ready, and the operator needs it to delete the file. ${wayOut}`,
    )
  return (
    neededByRestore(pass, volume, 'the file is deleted') ??
    deletionUnderWay(pass, cluster, volume) ??
    (await deleteFile(pass, cluster, volume))
  )
}

const wayOut = `To leave the file where it is, set deletionPolicy to Keep.`

/** It may be the only copy there is. */
function neededByRestore({ deps, backup }: BackupPass, volume: string, next: string): Obstacle | undefined {
  const { cluster } = backup.status
  const vm = deps.vms.list().find(({ spec, status }) => spec.clusterRef.name === cluster && status && needsFile(status, volume))
  const { namespace, name } = vm?.metadata ?? {}
  return vm && wait('InUse', `ProxmoxVM ${namespace}/${name} is being restored from this file; ${next} after that.`, 15_000)
}

/** The deletion that was asked for last: it runs, or it failed and its words are told before the next one. */
function deletionUnderWay({ memory }: BackupPass, cluster: PveCluster, volume: string): Outcome | undefined {
  const { deleting } = memory
  if (deleting === undefined) return undefined
  const end = cluster.tasks.ended(deleting)
  if (!end) return waitForTask(deleting, `${volume} is being deleted.`)
  delete memory.deleting
  if (end.is !== 'failed') return undefined
  delete memory.deletion
  const { reason } = judgeExit(end.exitstatus)
  return retry(reason, `PVE failed to delete ${volume}: ${end.exitstatus.trim()}. The operator tries again.`)
}

async function deleteFile(pass: BackupPass, cluster: PveCluster, volume: string): Promise<Outcome> {
  const { backup, deps, of } = pass
  const { node = '', storage = '', vmid = 0 } = backup.status
  const files = await cluster.pve.backups(reachedFrom(cluster, storage, node), storage, vmid)
  const file = files.find(({ volid }) => volid === volume)
  if (!file) pass.census.remove(backup.status)
  const twin = file ? undefined : files.find(({ notes }) => parseBackupMark(notes)?.uid === backup.uid)
  if (twin) {
    backup.change(fileStatus(twin))
    delete pass.memory.deletion
    return wait('Terminating', `${volume} was deleted; ${twin.volid} is of a request that PVE carried out late, and goes too.`, 0)
  }
  if (!file || !isFileOfBackup(file, { uid: backup.uid, createdAt: backup.status.createdAt })) return await letGo(pass)
  backup.change(fileStatus(file))
  if (file.isProtected && backup.backup.spec.protected !== false)
    return stalled('Protected', `${volume} is protected. Set spec.protected to false to delete it. ${wayOut}`)
  if (observes(cluster)) return wouldDo(cluster, `${volume} would be deleted`)
  const { deletion } = pass.memory
  const pause = deletion && pauseAfter(deletion, `${volume} is still there after its deletion`, deps.clock.monotonicMs())
  if (pause) return { ...pause, message: `${pause.message} ${wayOut}` }
  deps.mayAct()
  const from = reachedFrom(cluster, storage, node)
  if (file.isProtected) await cluster.pve.protectBackup(from, storage, volume, false)
  const upid = await cluster.pve.deleteBackup(from, storage, volume, deleteDelaySeconds)
  pass.memory.deletion = sentAgain(deletion, deps.clock.monotonicMs())
  if (of && !deletion) recordEvent(deps, of.draft.vm, 'Normal', 'BackupDeleted', `${backup.backup.metadata.name}: ${volume}`)
  if (upid === undefined) return wait('Terminating', `${volume} was deleted; the operator checks that PVE no longer lists it.`, 0)
  pass.memory.deleting = upid
  return waitForTask(upid, `${volume} is being deleted.`)
}

async function letGo({ backup }: BackupPass): Promise<Outcome> {
  await backup.dropFinalizer()
  return done
}
