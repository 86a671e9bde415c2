/** The annotation pve.hosting/release: the object lets go of its VM for good. The guest stays as it is; its addresses stay held (Orphaned). */
import type { ReleaseMode } from '../../api/group.ts'
import { isLetGo, releaseAsked } from '../../api/let-go.ts'
import { markOf } from '../../ladder/mark.ts'
import { done, type Obstacle, type Outcome, stalled, wait } from '../../ladder/outcome.ts'
import { unmarked } from '../../ladder/unmark.ts'
import { forgetSentOf, noteSent, pauseBefore } from '../apply/repeats.ts'
import { claimantOf } from '../create/addresses.ts'
import { dropFinalizer, hasFinalizer } from '../create/finalizer.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { lockObstacle } from '../lock-sentence.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { resting, working } from '../status.ts'
import { deleteCommand } from './delete-command.ts'

/** Lets go, or says that it has. Undefined: nobody asked for it. */
export async function letGo(pass: Pass): Promise<Outcome | undefined> {
  const { draft } = pass
  if (!isLetGo({ ...draft.vm, status: draft.status })) return undefined
  const asked = releaseAsked(draft.vm)
  const { released } = draft.status
  if (asked === 'invalid' && !released)
    return stalled(
      'ReleaseInvalid',
      'The annotation pve.hosting/release must be "keep-mark" or "hand-back"; the operator does nothing. Correct or remove the annotation.',
    )
  const mode = asked === undefined || asked === 'invalid' ? (released?.mode as ReleaseMode) : asked
  // Asked for again with hand-back, the mark goes as well.
  if (mode === 'hand-back' && released?.mode !== 'hand-back') {
    const handedBack = await handBack(pass)
    if (handedBack.is !== 'done') return handedBack
  }
  if (released?.mode !== mode || hasFinalizer(draft.vm)) await finish(pass, mode)
  if (draft.vm.metadata.deletionTimestamp) return done
  return stalled('Released', `${sentence(pass, mode)} This object has no effect any more; delete it.`)
}

/** Takes our lines of the description and our tag off the guest, if it is ours. One write, with the digest of the look it was judged on. */
async function handBack(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  const { vm, status } = draft
  const { vmid } = status
  if (vmid === undefined) return done
  const cluster = deps.clusters.get(vm.spec.clusterRef.name)
  if (!cluster) return notNow(`ProxmoxCluster "${vm.spec.clusterRef.name}" is not there`)
  const mark = markOf(vm.metadata.uid ?? '', vmid)
  const look = new Look({ cluster, vmid, mark, ...(status.node && { expectedNode: status.node }), proofSinceMs: deps.clock.monotonicMs() })
  await look.need('presence')
  const { guest, lock, config } = look.seen
  if (guest === 'unproved') return notNow(`The operator cannot see where VM ${vmid} is: ${look.doubt}`)
  if (guest === 'copying' || (guest === 'ours' && lock && lock !== 'suspended')) {
    const held = lock ?? 'clone'
    const seenBefore = draft.written.remoteLock
    draft.change((status) => ({ ...status, remoteLock: held }))
    const next = 'the operator removes its owner line when PVE releases the lock'
    return await lockObstacle({ cluster, at: look.at, lock: held, seenBefore, next })
  }
  const change = guest === 'ours' && config ? unmarked(config.values) : undefined
  if (!change) {
    forgetSentOf(pass.memory, [{ name: 'identity' }])
    return done
  }
  const sentence = `identity: VM ${vmid} still has the owner line or tag of the operator`
  const pause = pauseBefore(pass, 'identity', sentence)
  draft.change(working('identity', nowIso(deps.clock)))
  if (pause) return { ...pause, message: `${pause.message} ${withoutPve}` }
  deps.mayAct()
  await cluster.pve.updateConfig(look.at, { ...change, digest: config?.digest ?? '' })
  noteSent(pass, sentence)
  return wait('Applying', `The operator removes its owner line from VM ${vmid}.`, 0)
}

const withoutPve = 'With the annotation value "keep-mark" the object can be deleted without PVE.'

const notNow = (why: string): Obstacle =>
  wait('Unreachable', `${why}, so the operator cannot remove its owner line yet. ${withoutPve}`, 10_000)

/** What was let go is in status before the finalizer goes: a later pass over a living object must not begin anew. */
async function finish(pass: Pass, mode: ReleaseMode): Promise<void> {
  const { deps, draft, key } = pass
  const { metadata, spec } = draft.vm
  deps.mayAct()
  await deps.book.release(claimantOf(draft), { outcome: 'orphan' })
  deps.inFlight.forget(metadata.uid ?? '')
  const cluster = deps.clusters.get(spec.clusterRef.name)
  cluster?.cloneSlots.release(key)
  cluster?.deletions.release(metadata.uid ?? '')
  draft.change((status) => ({ ...resting(status), released: { at: nowIso(deps.clock), mode } }))
  await draft.save()
  recordEvent(deps, draft.vm, 'Normal', 'Released', sentence(pass, mode))
  if (metadata.deletionTimestamp) for (const command of deps.commandsOf(key)) await deleteCommand(deps.client, command)
  if (hasFinalizer(draft.vm)) await dropFinalizer(deps, draft)
}

function sentence({ draft: { status } }: Pass, mode: ReleaseMode): string {
  const guest =
    status.vmid === undefined
      ? 'No VM was made'
      : `VM ${status.vmid} was released and stays in PVE as it is, ${mode === 'hand-back' ? 'without' : 'with'} the owner line of the operator`
  const held = status.addresses?.map(({ address }) => address).join(', ')
  return held
    ? `${guest}; ${held} stay reserved until their PoolAddress objects are deleted or another object takes the VM over.`
    : `${guest}.`
}
