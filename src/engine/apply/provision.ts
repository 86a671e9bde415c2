import type { PveCluster } from '../../cluster/cluster.ts'
import { releaseSurplus } from '../create/addresses.ts'
import { provision } from '../../lifecycle.ts'
import { climbLadder } from './climb.ts'
import { markReady } from './ready.ts'
import { formIntent } from '../create/intent.ts'
import { Look } from '../look.ts'
import { renamedHost } from '../create/host-names.ts'
import { recognise } from '../create/recognise.ts'
import type { Pass } from '../pass.ts'
import { clusterFor, silenceOf } from '../references.ts'
import { requestedReinstall } from '../reinstall-state.ts'
import { reinstallIfAsked } from '../remove/reinstall.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { type Outcome, stalled, wait, isOutcome } from '../../ladder/outcome.ts'
import { conditionOf } from '../../api/condition.ts'
import { prepare } from './prepare.ts'
import { refreshMark } from './refresh-mark.ts'
import { beginLook, climbOf, wantWithSlots } from './ascent.ts'

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
  const reinstalled = await reinstallIfAsked(pass, cluster)
  if (reinstalled) return reinstalled
  if (draft.status.removedAt)
    return stalled('Removed', 'The VM was removed by command; VMID and addresses are kept. The commands Clone and Reinstall bring it back.')
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return prepared
  if (!draft.status.intentAt) {
    const formed = await formIntent({ ...pass, cluster, ...prepared })
    if (formed.is !== 'done') return formed
    pass.memory.record = { ...(draft.status.vmid !== undefined && { vmid: draft.status.vmid }), seenMs: deps.clock.monotonicMs() }
  }
  const rename = renamedHost(deps, draft)
  if (rename && isOutcome(rename)) return rename
  if (rename) draft.change((status) => ({ ...status, ...rename }))
  const look = beginLook(pass, cluster)
  const climbed = await climbLadder(climbOf(pass, cluster, look, provision, () => wantWithSlots(pass, cluster, prepared, look)))
  if (isOutcome(climbed)) return climbed
  if (draft.isOvertaken) return wait('Applying', 'The spec was changed meanwhile; the newest is applied.', 0)
  await releaseSurplus(deps, draft)
  await refreshMark(pass, cluster, look, climbed.want)
  pass.memory.audit.isDue = false
  if (look.seen.power) pass.memory.listing.powerSeenAtMs = deps.clock.monotonicMs()
  const staleCloudInit = await staleCloudInitOf(draft, cluster, look)
  const outcome = markReady({ deps, draft, cluster, resolved: prepared.resolved, climbed, staleCloudInit, current: look.current })
  // One that was asked for while another was under way.
  const next = requestedReinstall(draft.vm, draft.status)
  return next === undefined ? outcome : wait('Reinstalling', `Reinstall ${next} is next.`, 0)
}

/** Keys the guest has not seen yet. Asked only once something was sent to a VM that ran. */
async function staleCloudInitOf(draft: VMStatusDraft, cluster: PveCluster, look: Look): Promise<string[]> {
  const isMarked = conditionOf(draft.status.conditions, 'CloudInitConfigured')?.reason === 'RestartRequired'
  return isMarked && look.seen.power === 'running' ? await cluster.pve.staleCloudInit(look.at) : []
}
