/** What stands under our VMID that is not a whole VM of ours: nothing, a stranger, or a copy under way. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { findRunningClone, lookUpRequests } from '../create/clone-task.ts'
import { destroyCopy, isStub } from '../create/half-made.ts'
import { awaitLateClones } from '../create/late-clones.ts'
import { lockObstacle, stuckLock } from '../lock-sentence.ts'
import { Look } from '../look.ts'
import { noteLook } from '../note-look.ts'
import type { Pass } from '../pass.ts'
import { isOursByRestore } from '../restore/restore-state.ts'
import { quorumDoubt } from '../quorum.ts'
import { whoseGuest } from '../whose-guest.ts'
import { type Outcome, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { markOf } from '../../ladder/mark.ts'

/** `presumedPower`: PVE has just stopped it. */
export async function freshLook({ deps, draft, memory }: Pass, cluster: PveCluster, presumedPower?: 'stopped'): Promise<Look> {
  const { vm, status } = draft
  const vmid = status.vmid ?? 0
  const mark = markOf(vm.metadata.uid ?? '', vmid)
  const look = new Look({
    cluster,
    vmid,
    mark,
    ...(status.node && { expectedNode: status.node }),
    proofSinceMs: deps.clock.monotonicMs(),
    ...(presumedPower && { presumedPower }),
    onLook: noteLook({ deps, draft, memory }),
    ...(isOursByRestore(status) && { isOurs: true }),
    ...(status.template?.isLeft && { takesBare: true }),
  })
  await look.need('presence')
  return look
}

/** The number has another owner: ours is gone, and the stranger is not touched. One that may be our VM without its mark keeps its address. */
export async function strangerThere(pass: Pass, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid = 0 } = pass.draft.status
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  // A VM that is being restored has neither mark nor network yet, and may be ours.
  if (look.seen.lock === 'create') return await lockedStranger(pass, cluster, look, 'create')
  const whose = await whoseGuest(pass, look)
  if (whose.is === 'another' || (whose.is === 'former' && whose.uses.length === 0)) return await awaitLateClones(pass, cluster)
  const why =
    whose.is === 'doubtful' ? whose.why : `carries the mark of a former object (uid ${whose.uid}) and uses ${whose.uses.join(', ')}`
  const remedy = `put the line "${markOf(pass.draft.vm.metadata.uid ?? '', vmid)}" into its description in PVE, or delete the VM there`
  return stalled(
    'VMForeign',
    `VM ${vmid} on ${look.at.node} ${why} and lacks its owner line. The operator touches nothing and frees nothing. An admin can ${remedy}.`,
  )
}

async function lockedStranger({ draft }: Pass, cluster: PveCluster, { at }: Look, lock: string): Promise<Outcome> {
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: lock }))
  return await lockObstacle({ cluster, at, lock, seenBefore, next: 'the operator looks whose VM it is when the lock goes' })
}

/** Nobody can be sure of a clone whose task has just been looked for under its lock. */
export async function copyingOrStuck(pass: Pass, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid = 0 } = pass.draft.status
  const { running, unknown, mayBegin } = await lookUpRequests(pass, cluster)
  const task = running ?? (await findRunningClone(cluster, vmid))
  if (task) return waitForTask(task, `The clone to VM ${vmid} must end first.`)
  if (unknown !== undefined || mayBegin || pass.draft.written.remoteLock !== 'clone') {
    pass.draft.change((status) => ({ ...status, remoteLock: 'clone' }))
    return wait('Terminating', `The clone to VM ${vmid} must end first.`, 2_000)
  }
  const remedy = isStub(look.seen.config?.values)
    ? `${destroyCopy(vmid)}. The operator goes on after that.`
    : `qm unlock ${vmid}. The operator deletes the VM after that.`
  return stalled('StuckLock', `${stuckLock(look.at, 'clone')} Otherwise an admin must run on ${look.at.node}: ${remedy}`)
}
