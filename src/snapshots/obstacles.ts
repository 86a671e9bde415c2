/** What stands in the way of the work on a snapshot, told at the snapshot: the VM itself has no trouble of its own. */
import { isLockTold, lockObstacle } from '../engine/lock-sentence.ts'
import { wouldDo } from '../engine/observe.ts'
import { done, type Outcome, wait } from '../ladder/outcome.ts'
import { judge } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import { quietly, type SnapshotPass } from './snapshot-pass.ts'

/** How soon it is looked again what became of a request. */
export const lookAgainMs = 3_000
export const nextTryMs = 10_000

/** A task of that type works on the VM. */
export async function taskUnderWay({ cluster, draft }: SnapshotPass, type: 'qmsnapshot' | 'qmdelsnapshot'): Promise<boolean> {
  const { node = '', vmid = 0 } = draft.status
  const tasks = await cluster.pve.tasks(node, { source: 'active', typefilter: type, vmid, limit: 20 })
  return tasks.some(({ status }) => status === 'RUNNING')
}

/** The cluster is in mode Observe. It is looked at again by itself, and the VM goes on. */
export async function sayObserved({ snapshot, cluster }: SnapshotPass, what: string): Promise<Outcome> {
  const { reason, message } = wouldDo(cluster, what)
  snapshot.say('stalled', reason, message)
  await snapshot.save()
  return done
}

/** Waited for while somebody works under it, and told with its command once nobody does. */
export async function waitForLock(pass: SnapshotPass, at: { node: string; vmid: number }, lock: string): Promise<Outcome> {
  const { snapshot, cluster, draft } = pass
  const next = 'the snapshot waits until PVE releases the lock'
  const obstacle = await lockObstacle({ cluster, at, lock, seenBefore: isLockTold(snapshot.status, lock) ? lock : undefined, next })
  snapshot.say(obstacle.is === 'stalled' ? 'stalled' : 'reconciling', obstacle.reason, obstacle.message)
  await snapshot.save()
  draft.change((status) => ({ ...status, remoteLock: lock }))
  return quietly(wait(obstacle.reason, obstacle.message, obstacle.is === 'wait' ? obstacle.lookAfterMs : 60_000))
}

/** What PVE or the way to it did instead. */
export async function orTold(pass: SnapshotPass, work: (pass: SnapshotPass) => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work(pass)
  } catch (fault) {
    if (!(fault instanceof PveError)) throw fault
    const failure = judge(fault)
    const { snapshot } = pass
    const again = `Retrying within ${nextTryMs / 1000} s.`
    snapshot.say('reconciling', failure.reason, `${failure.message.replace(/[.]$/, '')}. ${again}`)
    await snapshot.save()
    return quietly(wait(failure.reason, failure.message, failure.kind === 'unknown-outcome' ? lookAgainMs : nextTryMs))
  }
}
