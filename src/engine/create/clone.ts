/** The rung `clone`: one VM for one object, whatever is lost on the way. */
import { clonedFull, vmidTaken } from './intent-state.ts'
import { forgetSentOf, pauseBefore } from '../apply/repeats.ts'
import { whoseGuest, foreignGuestAdvice } from '../whose-guest.ts'
import { ofRecord } from './recognise.ts'
import { askForBirth } from './ask-for-birth.ts'
import { makingSentence } from './birth-words.ts'
import { giveUpNumber } from './choose-again.ts'
import { ageMs, openRequests, silentWindowMs } from './clone-requests.ts'
import { closeEnded, findRunningClone, lookUpRequests, madeNothing } from './clone-task.ts'
import { halfMade, stuckCopy } from './half-made.ts'
import { pendingRequest } from './pending-requests.ts'
import { restoreUnderWay } from './restore-under-way.ts'
import { quorumDoubt } from '../quorum.ts'
import { isBareGuest } from '../bare-guest.ts'
import { isBirth, pinnedVmidOf } from '../../want/birth.ts'
import type { Climb } from '../climb-pass.ts'
import { type Outcome, done, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { isTrue } from '../../api/condition.ts'

/**
 * The rung `clone`: afterwards the VM exists, has our mark and no lock `clone`, and its configuration has been read. A request may have been
 * lost on the way there or back, so "absent" can mean "not yet": the ledger in status says which may still take effect.
 */
export async function ensureCloned(climb: Climb): Promise<Outcome> {
  const { look, draft, cluster } = climb
  const under = underWay(climb)
  if (under) return under
  if (climb.memory.clone.isUnasked) return await askForBirth(climb)
  await look.need('presence')
  switch (look.seen.guest) {
    case 'ours':
      return await ours(climb)
    case 'copying':
      return await copying(climb)
    case 'foreign':
      return (await restoreUnderWay(climb)) ?? (await ofRecord(climb, cluster)) ?? (await foreign(climb))
    case 'unproved':
      return look.unproved(`The operator cannot confirm whether VM ${draft.status.vmid} exists`)
    case 'absent':
      return await absent(climb)
  }
}

/** While the task of the only open request runs there is nothing to look at. */
function underWay({ draft, cluster, key, memory }: Climb): Outcome | undefined {
  const [request, another] = openRequests(draft.status, memory)
  if (!request?.upid || another || cluster.tasks.ended(request.upid)) return undefined
  if (clonedFull(draft.vm, draft.status)) cluster.cloneSlots.hold(request.node, key)
  return waitForTask(request.upid, makingSentence(draft.status))
}

/** It is whole if a request of ours ended well. Else its disks are compared: a lock lifted by hand leaves a VM without some of them. */
async function ours(climb: Climb): Promise<Outcome> {
  const { draft, cluster, key } = climb
  const { volume, isLeft } = draft.status.template ?? {}
  if (isLeft && isBareGuest(climb.look.seen.config?.values)) return (await pendingRequest(climb)) ?? (await askForBirth(climb))
  cluster.cloneSlots.release(key)
  forgetSentOf(climb.memory, [{ name: 'clone' }])
  const isMade = closeEnded(climb, cluster, draft.status.vmid ?? 0)
  if (isMade || isTrue(draft.status.conditions, 'Cloned')) return done
  // A restore writes the configuration at its end, once all disks are there.
  return volume === undefined ? ((await halfMade(climb)) ?? done) : done
}

async function absent(climb: Climb): Promise<Outcome> {
  const { draft, cluster } = climb
  const { status } = draft
  if (!isBirth(status) || status.restore?.running !== undefined) {
    const kept = 'Its VMID and addresses stay reserved and the operator does not create it again'
    return stalled(
      'VMMissing',
      `VM ${status.vmid} was ready and no longer exists in PVE. ${kept}: restore it in PVE, delete this object, or run the command Clone or Reinstall.`,
    )
  }
  if (cluster.deleting) return stalled('ClusterDeleting', `ProxmoxCluster ${cluster.name} is being deleted and accepts no new VMs.`)
  return (await pendingRequest(climb)) ?? pauseBefore(climb, 'clone', madeNothing(status.vmid ?? 0)) ?? (await askForBirth(climb))
}

/** Under lock `clone`: nobody can tell yet whose it will be. */
async function copying(climb: Climb): Promise<Outcome> {
  const { draft, cluster, look, deps, memory } = climb
  const { vmid = 0 } = draft.status
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: 'clone' }))
  const { running, unknown, lost, mayBegin } = await lookUpRequests(climb, cluster)
  const task = running ?? (await findRunningClone(cluster, vmid))
  if (task) return waitForTask(task, makingSentence(draft.status), 5_000)
  const isStillPossible = lost.some((request) => ageMs(request, { deps, cluster, memory }) < silentWindowMs)
  if (unknown !== undefined || mayBegin || isStillPossible || seenBefore !== 'clone')
    return wait('TaskRunning', makingSentence(draft.status), 2_000)
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  return stalled('StuckLock', stuckCopy(look.at, cluster.inventory.current()?.guests.get(vmid)?.status === 'running'))
}

async function foreign(climb: Climb): Promise<Outcome> {
  const { draft, cluster, look } = climb
  const vmid = draft.status.vmid ?? 0
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  if (isTrue(draft.status.conditions, 'Cloned'))
    return stalled(
      'VMForeign',
      `VM ${vmid} in PVE no longer belongs to this object (its description lacks the owner line); the operator does not touch it. ${foreignGuestAdvice(draft.vm, vmid)}`,
    )
  const whose = await whoseGuest(climb, look)
  if (whose.is === 'doubtful')
    return stalled(
      'VMForeign',
      `VM ${vmid} in PVE ${whose.why} and lacks the owner line in its description; the operator does not touch it and makes no other VM. ${foreignGuestAdvice(draft.vm, vmid)}`,
    )
  if (pinnedVmidOf(draft.vm, draft.status) !== undefined) return vmidTaken(vmid)
  return giveUpNumber(climb, `VMID ${vmid} belongs to another guest`, 0)
}
