/** A restore that PVE was asked for: what became of it, and what is left when it failed. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Outcome, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { parseDrive } from '../../proxmox/property-string.ts'
import { endOf, type TaskEnd } from '../../proxmox/task-end.ts'
import { lookOf } from '../apply/ascent.ts'
import { isBareGuest } from '../bare-guest.ts'
import { holds } from '../conditions.ts'
import { lostAfterMs } from '../create/clone-requests.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { lockObstacle } from '../lock-sentence.ts'
import type { Look } from '../look.ts'
import { freshMemory } from '../memory.ts'
import type { Pass } from '../pass.ts'
import { judged, noted, stepDone, working } from '../status.ts'
import { tellWarnings } from '../task-warnings.ts'
import { isLongUnlocked, unreportedEnd } from '../unreported-end.ts'
import { changeRestore, noteRestored } from './restore-state.ts'
import { findRestoreTask } from './restore-task.ts'
import { restoredDisks, restoredSentence } from './restored-disks.ts'

/** A task may appear this late after its request. */
const silentMs = 60_000
/** A failed restore takes the same file again after this. */
const pauseMs = 60_000

export async function followRestore(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { draft } = pass
  const { running } = draft.status.restore ?? {}
  const { vmid } = draft.status
  if (running?.upid === undefined) return await findRequest(pass, cluster)
  const end = cluster.tasks.ended(running.upid)
  if (!end) return waitForTask(running.upid, `PVE restores VM ${vmid} from ${running.volume}.`)
  return await conclude(pass, cluster, running.upid, end)
}

/** The answer was lost, or the process died: PVE is looked at before it is asked again. */
async function findRequest(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { draft, deps, memory } = pass
  const { askedAt = '', node = '' } = draft.status.restore?.running ?? {}
  const { vmid = 0 } = draft.status
  memory.restore ??= { askedMs: deps.clock.monotonicMs() }
  const task = await findRestoreTask(cluster, { node, vmid, askedAt })
  if (task) {
    draft.change(
      changeRestore((running) => ({ ...running, upid: task.upid })),
      working('restore', nowIso(deps.clock), { upid: task.upid }),
    )
    await draft.save()
    if (task.status === 'RUNNING') return waitForTask(task.upid, `PVE restores VM ${vmid}.`)
    return await conclude(pass, cluster, task.upid, endOf(task.status))
  }
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  const sinceMs = deps.clock.monotonicMs() - memory.restore.askedMs
  const mayComeYet = wait('Restoring', "PVE's answer may have been lost; the operator looks up the result of the request.", 5_000)
  if (sinceMs < silentMs) return mayComeYet
  if (look.seen.lock === 'create') {
    const seenBefore = draft.written.remoteLock
    draft.change((status) => ({ ...status, remoteLock: 'create' }))
    return await lockObstacle({
      cluster,
      at: look.at,
      lock: 'create',
      seenBefore,
      next: 'the operator asks for the restore again when PVE releases the lock',
    })
  }
  // The request came through: PVE has taken the VM apart, and its task is no longer listed.
  if (isBareGuest(look.seen.config?.values)) return await failed(pass, cluster, 'PVE left an empty VM and lists no task of the restore')
  // A first one that began after the second has ended would take the VM apart again, without its mark and with the addresses of the file.
  if (sinceMs < lostAfterMs) return mayComeYet
  draft.change(changeRestore(({ askedAt: _, ...running }) => running))
  return wait('Restoring', 'PVE did not receive the request; the operator sends it again.', 0)
}

async function conclude(pass: Pass, cluster: PveCluster, upid: string, end: TaskEnd): Promise<Outcome> {
  const { draft, deps } = pass
  const unreported = unreportedEnd(cluster, upid, { of: 'the restore', isShown: isLongUnlocked({ cluster, deps }, upid) })
  if (unreported) return unreported
  if (end.is !== 'ok') return await failed(pass, cluster, end.is === 'failed' ? end.exitstatus : end.why)
  if (end.warnings) await tellWarnings(pass, cluster, 'restore', upid)
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  const { guest, config, node } = look.seen
  if (guest !== 'ours' || !config) return look.unproved(`VM ${draft.status.vmid} was restored, and PVE does not show it yet`)
  const iso = nowIso(deps.clock)
  const restored = restoredDisks(draft.status.disks ?? [], { ...config.values, digest: '' })
  const told = restoredSentence(draft.status.restore?.running?.volume ?? '', restored)
  draft.change(stepDone(iso, told), noteRestored(iso, restored.disks), judged(draft.vm, iso, [holds('Cloned')]))
  if (node) draft.change((status) => ({ ...status, node }))
  await draft.save()
  delete pass.memory.restore
  return wait('Restoring', `VM ${draft.status.vmid} is restored; the operator sets its package, addresses and owner line next.`, 0)
}

async function failed(pass: Pass, cluster: PveCluster, exitstatus: string): Promise<Outcome> {
  const { draft, deps, memory } = pass
  const { running } = draft.status.restore ?? {}
  const words = exitstatus.trim()
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  if (look.seen.guest === 'unproved') return look.unproved('A restore failed, and the operator cannot see what is left')
  const isDiskless = running?.isDiskless === true || !isUntouched(pass, look)
  const iso = nowIso(deps.clock)
  const attempts = (running?.attempts ?? 0) + 1
  memory.removal.pausedUntilMs = deps.clock.monotonicMs() + pauseMs
  delete memory.restore
  draft.change(
    changeRestore(({ askedAt: _, upid: _b, ...rest }) => ({
      ...rest,
      attempts,
      lastError: words.slice(0, 1024),
      ...(isDiskless && { isDiskless }),
    })),
    noted('restore', iso, 'Failed', words),
    working('restore', iso, { attempts, lastError: words.slice(0, 1024) }),
  )
  const told = isDiskless
    ? `The disks of VM ${draft.status.vmid} are lost: restore ${running?.requestID} failed (${words}). ${running?.volume} is the only copy; it stays protected until a restore succeeds, and the operator retries every 5 minutes. To use another backup, write a new spec.restore.requestID.`
    : `Restore ${running?.requestID} from ${running?.volume} failed (${words}), and nothing was deleted. The operator retries every 5 minutes; remove spec.restore to cancel.`
  recordEvent(deps, draft.vm, 'Warning', 'RestoreFailed', told)
  await draft.save()
  return stalled('RestoreFailed', told)
}

/** No VM was there and none is, or it has the system disk that it had before. PVE leaves an empty guest where there was none. */
function isUntouched({ draft }: Pass, { seen }: Look): boolean {
  const system = draft.status.disks?.find(({ name }) => name === 'system')
  if (!draft.status.restore?.running?.force) return seen.guest === 'absent'
  const value = seen.config?.values[system?.key ?? '']
  return value !== undefined && system?.volume !== undefined && parseDrive(value).volume === system.volume
}
