/** A guest without our mark under the number of a VM that is being made from a backup: PVE writes the mark at the end. */
import { type Outcome, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { fileOfBirth } from '../../want/birth.ts'
import { isBareGuest } from '../bare-guest.ts'
import type { Climb } from '../climb-pass.ts'
import { stuckLock } from '../lock-sentence.ts'
import { quorumDoubt } from '../quorum.ts'
import { makingSentence } from './birth-words.ts'
import { pendingRequest } from './pending-requests.ts'

/** Undefined: it is a guest of somebody else. */
export async function restoreUnderWay(climb: Climb): Promise<Outcome | undefined> {
  const { draft, cluster, look } = climb
  const { lock, config } = look.seen
  if (fileOfBirth(draft.status) === undefined || (lock !== 'create' && !isBareGuest(config?.values))) return undefined
  const pending = await pendingRequest(climb)
  if (pending) return pending
  const { node, vmid } = look.at
  const active = await cluster.pve.tasks(node, { source: 'active', vmid })
  const task = active.find(({ type }) => type === 'qmrestore' || type === 'qmcreate')
  if (task) return waitForTask(task.upid, makingSentence(draft.status), 5_000)
  // Left by our own restore and unlocked since: the next look takes it for ours.
  if (lock !== 'create') return draft.status.template?.isLeft ? wait('Retrying', makingSentence(draft.status), 0) : undefined
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: lock }))
  if (seenBefore !== lock) return wait('TaskRunning', makingSentence(draft.status), 2_000)
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  const next = draft.status.template?.isLeft
    ? `Otherwise the restore was killed: an admin must run on ${node}: qm unlock ${vmid}, and free the volumes that the restore left (pvesm list STORAGE --vmid ${vmid}, pvesm free VOLUME). The operator restores the backup into VM ${vmid} again after that.`
    : `Otherwise an admin must run on ${node}: qm unlock ${vmid}.`
  return stalled('StuckLock', `${stuckLock(look.at, lock)} ${next}`)
}
