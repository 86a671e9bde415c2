import { provision } from '../../lifecycle.ts'
import { climbLadder } from './climb.ts'
import { markReady } from './ready.ts'
import { formIntent } from '../create/intent.ts'
import { noteAgent } from '../guest-facts.ts'
import { renamedHost } from '../create/host-names.ts'
import { recognise } from '../create/recognise.ts'
import type { Pass } from '../pass.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { partFromAddresses } from '../releasing.ts'
import { clusterFor, silenceOf } from '../references.ts'
import { requestedReinstall } from '../reinstall-state.ts'
import { beginReinstallIfAsked, followReinstall } from '../remove/reinstall.ts'
import { endRestore } from '../restore/end-restore.ts'
import { restoreIfAsked } from '../restore/restore.ts'
import { isUntouchedByRestore, requestedRestore } from '../restore/restore-state.ts'
import { type Outcome, stalled, wait, isOutcome } from '../../ladder/outcome.ts'
import { tellLeft } from './leaving.ts'
import { lostSystemDisk } from './lost-system-disk.ts'
import { undoneSentences } from './left-undone.ts'
import { observedBirth } from '../observe.ts'
import { prepare } from './prepare.ts'
import { refreshMark } from './refresh-mark.ts'
import { withoutUnusable } from './usable.ts'
import { wakeBeside } from './wake.ts'
import { beginLook, climbOf } from './ascent.ts'
import { isNameLeft } from '../adopt/as-found-state.ts'
import { noteAsFound, wantLeavingAsFound } from '../adopt/left-as-found.ts'

/**
 * The whole way of a living VM, from its object to `ready`: references, addresses, intent, clone, ladder, verdict. A suspended one is off by now
 * (hold-off.ts).
 */
export async function provisionVM(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  const cluster = clusterFor(deps, draft)
  if (isOutcome(cluster)) return cluster
  const silence = silenceOf(cluster, deps.clock)
  if (silence) return silence
  const unrecognised = await recognise(pass, cluster)
  if (unrecognised) return unrecognised
  const observed = observedBirth(pass, cluster)
  if (observed) return observed
  const restored = await restoreIfAsked(pass, cluster)
  if (restored && (restored.is !== 'stalled' || !isUntouchedByRestore(draft.status))) return restored
  const hindrance = restored ?? (await beginReinstallIfAsked(pass, cluster))
  if (hindrance && hindrance.is !== 'stalled') return hindrance
  const reinstalled = await followReinstall(pass, cluster)
  if (reinstalled) return reinstalled
  const outcome = await climb(pass, cluster)
  // A restore or reinstall that waits for a person keeps the VM from nothing else.
  if (hindrance && outcome.is === 'stalled') pass.memory.command.stuckBeside = outcome
  if (hindrance) return outcome.is === 'done' || outcome.is === 'stalled' ? hindrance : outcome
  // One that was asked for while another was under way.
  if (outcome.is === 'done' && requestedRestore(draft.vm, draft.status) !== undefined)
    return wait('Restoring', 'The operator restores the VM next.', 0)
  const next = outcome.is === 'done' ? requestedReinstall(draft.vm, draft.status) : undefined
  return next === undefined ? outcome : wait('Reinstalling', `Reinstall ${next} begins next.`, 0)
}

/** From the references of the spec up the ladder to the verdict. */
async function climb(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { deps, draft } = pass
  if (draft.status.removedAt)
    return stalled(
      'Removed',
      'The command Remove deleted the VM; its VMID and addresses stay reserved. The commands Clone and Reinstall create it again.',
    )
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return await wakeBeside(pass, cluster, prepared)
  if (!draft.status.intentAt) {
    const formed = await formIntent({ ...pass, cluster, ...prepared })
    if (formed.is !== 'done') return formed
    pass.memory.record = { ...(draft.status.vmid !== undefined && { vmid: draft.status.vmid }), seenMs: deps.clock.monotonicMs() }
  }
  const rename = isNameLeft(draft.vm, draft.status) ? undefined : renamedHost(deps, draft)
  if (rename && isOutcome(rename)) return rename
  if (rename) draft.change((status) => ({ ...status, ...rename }))
  const look = beginLook(pass, cluster)
  const usable = await withoutUnusable(pass, cluster, prepared)
  const unclear = await noteAsFound(pass, cluster, usable.prepared, look)
  if (unclear) return unclear
  const want = () => wantLeavingAsFound(pass, cluster, usable.prepared, look, usable.fields)
  const climbed = await climbLadder(climbOf(pass, cluster, look, provision, want))
  if (isOutcome(climbed)) return climbed
  if (draft.isOvertaken) return wait('Applying', 'The spec changed during the work; the operator applies the newest one.', 0)
  const guest = await partFromAddresses(pass, cluster, climbed)
  await endRestore(pass, cluster)
  await refreshMark(pass, cluster, look, climbed.want)
  pass.memory.audit.isDue = pass.memory.audit.isRound = false
  draft.change(noteAgent(look.seen.config, look.seen.power))
  pass.memory.snapshots.isParentSeen = look.seen.config?.values.parent !== undefined
  if (look.seen.power && !look.isPowerListed) pass.memory.listing.powerSeenAtMs = deps.clock.monotonicMs()
  const left = [...climbed.left, ...usable.left]
  if (left.length > 0) {
    const pending = climbed.seen.config?.pending ?? []
    return tellLeft({ deps, draft, left, others: undoneSentences({ climbed, resolved: prepared.resolved, draft, pending }) })
  }
  const lost = lostSystemDisk(draft.status, climbed.seen)
  if (lost) return lost
  return markReady({ deps, draft, cluster, resolved: prepared.resolved, climbed, guest, current: look.current })
}
