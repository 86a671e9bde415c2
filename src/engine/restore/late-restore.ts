/** At the end of an object: a restore that PVE was asked for and has not answered may still begin, and would make a VM that no object knows. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Outcome, done, wait, waitForTask } from '../../ladder/outcome.ts'
import { lostAfterMs } from '../create/clone-requests.ts'
import type { Pass } from '../pass.ts'
import { changeRestore } from './restore-state.ts'
import { findRestoreTask } from './restore-task.ts'
import { pveNowMs } from '../pve-time.ts'
import { isLongUnlocked, unreportedEnd } from '../unreported-end.ts'

/** `done` once nothing of it can come any more. A VM that it makes is seen by the next look, and taken down like the one before. */
export async function awaitLateRestore(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { draft } = pass
  const { running } = draft.status.restore ?? {}
  if (running?.askedAt === undefined || running.restoredAt !== undefined) return done
  const { vmid = 0 } = draft.status
  const sentence = `The restore of VM ${vmid} must end before this object can be removed.`
  if (running.upid !== undefined) {
    if (!cluster.tasks.ended(running.upid)) return waitForTask(running.upid, sentence)
    const isShown = isLongUnlocked({ cluster, deps: pass.deps }, running.upid)
    return unreportedEnd(cluster, running.upid, { of: `the restore of VM ${vmid}`, isShown }) ?? done
  }
  const leftMs = lostAfterMs - askedForMs(pass, cluster, running.askedAt)
  if (leftMs <= 0) return done
  const task = await findRestoreTask(cluster, { node: running.node, vmid, askedAt: running.askedAt })
  if (task) {
    draft.change(changeRestore((rest) => ({ ...rest, upid: task.upid })))
    if (task.status === 'RUNNING') return waitForTask(task.upid, sentence)
    return wait('Terminating', `The restore of VM ${vmid} has ended; the operator checks once more what is left in PVE.`, 0)
  }
  return wait(
    'Terminating',
    `The answer to the restore request of ${running.askedAt} for VM ${vmid} may have been lost; PVE may still begin it within 5 minutes, so this object stays until then.`,
    Math.min(Math.max(leftMs, 1_000), 10_000),
  )
}

/** By the clock that never jumps if this process knows, else by PVE's. */
function askedForMs({ memory, deps }: Pass, cluster: PveCluster, askedAt: string): number {
  if (memory.restore) return deps.clock.monotonicMs() - memory.restore.askedMs
  return pveNowMs(cluster, deps) - Date.parse(askedAt)
}
