import type { PveCluster } from '../../cluster/cluster.ts'
import { markOf } from '../../ladder/mark.ts'
import { type Outcome, done, wait, waitForTask } from '../../ladder/outcome.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { requestNoun } from './birth-words.ts'
import { awaitLateRestore } from '../restore/late-restore.ts'
import { ageMs, closeRequest, lostAfterMs, openRequests } from './clone-requests.ts'
import { lookUpRequests } from './clone-task.ts'

/** Until PVE is asked again how a task ended that it could not report, in ms. */
const againMs = 15_000

/**
 * Before an object or its VMID is let go: `done` once no clone or restore request of ours can take effect any more. A clone that comes after all is taken
 * down like the VM itself, since its VMID becomes the one of the object.
 */
export async function awaitLateClones(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { draft, memory, deps } = pass
  const restore = await awaitLateRestore(pass, cluster)
  if (restore.is !== 'done') return restore
  const [first] = openRequests(draft.status, memory)
  const isAnyOpen = first !== undefined
  if (!isAnyOpen) return done
  const { running, unknown, lost, mayBegin } = await lookUpRequests(pass, cluster)
  const stray = await findStray(pass, cluster)
  if (stray !== undefined) return wait('Terminating', `VM ${stray} appeared late; the operator deletes it as well.`, 0)
  if (running) return waitForTask(running, `The running ${requestNoun(first)} must end before this object can be removed.`)
  if (unknown !== undefined)
    return wait(
      'Terminating',
      `PVE cannot report the result of the ${requestNoun(first)}: ${unknown}. This object stays until it can.`,
      againMs,
    )
  const last = lost.at(-1)
  // Each has ended since the look that found nothing, so whatever they made is there now.
  if (!last)
    return wait('Terminating', `The last ${requestNoun(first)} of the VM has ended; the operator checks once more what is left in PVE.`, 0)
  const leftMs = Math.max(...lost.map((request) => lostAfterMs - ageMs(request, { deps, cluster, memory })))
  return wait(
    'Terminating',
    `The answer to the ${requestNoun(last)} request of ${last.askedAt} for VM ${last.vmid} may have been lost; PVE may still begin it within 5 minutes, so this object stays until then.`,
    mayBegin ? 5_000 : Math.min(Math.max(leftMs, 1_000), 10_000),
  )
}

/** A guest of ours under a number that this object has given up since. It is the one to take down now. */
async function findStray({ draft, memory, deps }: Pass, cluster: PveCluster): Promise<number | undefined> {
  const uid = draft.vm.metadata.uid ?? ''
  for (const request of openRequests(draft.status, memory)) {
    const { vmid, upid } = request
    const isMade = upid !== undefined && cluster.tasks.ended(upid)?.is === 'ok'
    if (vmid === draft.status.vmid || !(isMade || cluster.inventory.current()?.guests.has(vmid))) continue
    const look = new Look({ cluster, vmid, mark: markOf(uid, vmid), proofSinceMs: deps.clock.monotonicMs() })
    await look.need('presence')
    const { guest, node } = look.seen
    if (guest === 'ours') draft.change(({ node: _, ...status }) => ({ ...status, vmid, ...(node && { node }) }))
    if (guest === 'ours') return vmid
    if (isMade && guest !== 'unproved') draft.change(closeRequest(memory, request))
  }
  return undefined
}
