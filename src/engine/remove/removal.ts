/** Takes one VM out of PVE, by whichever ladder; `done` only once it is proved to be gone. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { lookAsked } from '../after-pass.ts'
import { forgetSentOf } from '../apply/repeats.ts'
import { silenceOf } from '../references.ts'
import { lockObstacle } from '../lock-sentence.ts'
import { type Outcome, isOutcome } from '../../ladder/outcome.ts'
import { awaitLateClones } from '../create/late-clones.ts'
import { copyingOrStuck, freshLook, strangerThere } from './absence.ts'
import { climbDown, type Removal } from './climb-down.ts'
import { RemovalLook } from './removal-look.ts'
import { readRemovalReceipt } from './removal-receipt.ts'

export async function removeFromPve(pass: Pass, cluster: PveCluster, removal: Removal): Promise<Outcome> {
  const { draft, key } = pass
  const { vmid } = draft.status
  cluster.cloneSlots.release(key)
  const receipt = await readRemovalReceipt(pass, cluster, true)
  if (receipt && isOutcome(receipt)) return receipt
  if (receipt?.is === 'gone') return await gone(pass, cluster)
  const hindrance = silenceOf(cluster, pass.deps.clock) ?? pauseLeft(pass)
  if (hindrance) return hindrance
  // A stranger had taken its number, and no other was chosen: what was asked for is found by its own number.
  if (vmid === undefined) return await awaitLateClones(pass, cluster)
  const look = await freshLook(pass, cluster, receipt?.is)
  switch (look.seen.guest) {
    case 'absent':
      return await gone(pass, cluster)
    case 'unproved':
      return look.unproved(`The operator cannot confirm that VM ${vmid} is deleted`)
    case 'foreign':
      return await strangerThere(pass, cluster, look)
    case 'copying':
      return await copyingOrStuck(pass, cluster, look)
    case 'ours': {
      const { lock } = look.seen
      if (lock && lock !== 'suspended') return await locked(pass, cluster, look, lock)
      return await climbDown(
        pass,
        cluster,
        new RemovalLook({ cluster, status: draft.status, uid: draft.vm.metadata.uid ?? '', look }),
        removal,
      )
    }
  }
}

/** What was asked of it has shown: another VM under its number begins without pauses. */
async function gone(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  forgetSentOf(pass.memory, [{ name: 'stop' }, { name: 'remove' }, { name: 'clone' }])
  return await awaitLateClones(pass, cluster)
}

async function locked({ draft }: Pass, cluster: PveCluster, { at }: Look, lock: string): Promise<Outcome> {
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: lock }))
  return await lockObstacle({ cluster, at, lock, seenBefore, next: 'the operator deletes the VM when PVE releases the lock' })
}

/** A step has failed and is not repeated yet, whoever woke the VM; only who asks for a look is answered. What the status says of it stays. */
export function pauseLeft({ memory, deps, draft }: Pass): Outcome | undefined {
  const leftMs = (memory.removal.pausedUntilMs ?? 0) - deps.clock.monotonicMs()
  if (leftMs <= 0 || lookAsked(draft) !== undefined) return undefined
  return { is: 'wait', reason: 'Retrying', message: 'Waiting before the next attempt after a failure.', lookAfterMs: leftMs, isQuiet: true }
}
