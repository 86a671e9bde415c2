/** At the end of an object: a restore that PVE was asked for and has not answered may still begin, and would make a VM that no object knows. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Outcome, done, wait, waitForTask } from '../../ladder/outcome.ts'
import { lostAfterMs } from '../create/clone-requests.ts'
import type { Pass } from '../pass.ts'
import { changeRestore } from './restore-state.ts'

/** PVE tells starts in whole seconds. */
const slackSeconds = 5

/** `done` once nothing of it can come any more. A VM that it makes is seen by the next look, and taken down like the one before. */
export async function awaitLateRestore(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { draft } = pass
  const { running } = draft.status.restore ?? {}
  if (running?.askedAt === undefined || running.restoredAt !== undefined) return done
  const { vmid = 0 } = draft.status
  const sentence = `The restore of VM ${vmid} must end before this object can be removed.`
  if (running.upid !== undefined) return cluster.tasks.ended(running.upid) ? done : waitForTask(running.upid, sentence)
  const leftMs = lostAfterMs - askedForMs(pass, cluster, running.askedAt)
  if (leftMs <= 0) return done
  const since = Math.floor(Date.parse(running.askedAt) / 1000) - slackSeconds
  for (const source of ['active', 'archive'] as const) {
    const [task] = await cluster.pve.tasks(running.node, { source, typefilter: 'qmrestore', vmid, since, limit: 1 })
    if (!task) continue
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
function askedForMs({ memory, deps }: Pass, { clockSkewMs }: PveCluster, askedAt: string): number {
  if (memory.restore) return deps.clock.monotonicMs() - memory.restore.askedMs
  return deps.clock.now() + clockSkewMs - Date.parse(askedAt)
}
