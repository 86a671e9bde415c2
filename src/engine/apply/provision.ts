import type { PveCluster } from '../../cluster/cluster.ts'
import { releaseSurplus } from '../create/addresses.ts'
import { provision, suspend } from '../../lifecycle.ts'
import { climbLadder } from './climb.ts'
import { markReady } from './ready.ts'
import { formIntent } from '../create/intent.ts'
import { Look } from '../look.ts'
import { renamedHost } from '../create/host-names.ts'
import { recognise } from '../create/recognise.ts'
import type { Pass } from '../pass.ts'
import { nowIso } from '../dependencies.ts'
import { clusterFor, silenceOf } from '../references.ts'
import { judged } from '../status.ts'
import { isUntouched, requestedReinstall } from '../reinstall-state.ts'
import { reinstallIfAsked } from '../remove/reinstall.ts'
import { isSuspended } from '../../want/suspension.ts'
import { wantOf } from '../../want/want.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { type Outcome, stalled, wait, isOutcome } from '../../ladder/outcome.ts'
import { conditionOf } from '../../api/condition.ts'
import { suspensionVerdict } from './suspension-condition.ts'
import { prepare } from './prepare.ts'
import { refreshMark } from './refresh-mark.ts'
import { beginLook, climbOf, wantWithSlots } from './ascent.ts'

/** The whole way of a living VM, from its object to `ready`: references, addresses, intent, clone, ladder, verdict. */
export async function provisionVM(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  const cluster = clusterFor(deps, draft)
  if (isOutcome(cluster)) return cluster
  const silence = silenceOf(cluster, deps.clock)
  if (silence) return silence
  const unrecognised = await recognise(pass, cluster)
  if (unrecognised) return unrecognised
  // Comes first as long as there is a VM to hold off, whatever else is stuck.
  const held = await holdOff(pass, cluster)
  if (held) return held
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
  const outcome = markReady({ deps, draft, cluster, resolved: prepared.resolved, climbed, staleCloudInit })
  // One that was asked for while another was under way.
  const next = requestedReinstall(draft.vm, draft.status)
  return next === undefined ? outcome : wait('Reinstalling', `Reinstall ${next} is next.`, 0)
}

/** Keys the guest has not seen yet. Asked only once something was sent to a VM that ran. */
async function staleCloudInitOf(draft: VMStatusDraft, cluster: PveCluster, look: Look): Promise<string[]> {
  const isMarked = conditionOf(draft.status.conditions, 'CloudInitConfigured')?.reason === 'RestartRequired'
  return isMarked && look.seen.power === 'running' ? await cluster.pve.staleCloudInit(look.at) : []
}

/** A suspended VM is off before anything else is looked at: a package that does not work must not keep it running. */
async function holdOff(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { deps, draft } = pass
  const { status, vm } = draft
  if (!isSuspended(vm) || status.firstReadyAt === undefined || !isUntouched(status) || status.removedAt) return undefined
  const suspending = judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'running')])
  if (conditionOf(status.conditions, 'Suspended')?.status !== 'True') {
    draft.change(suspending)
    // Before the shutdown: if the suspension goes while nobody looks, the VM is known to be off because of it.
    await draft.save()
  }
  const [net] = status.interfaces ?? []
  const look = beginLook(pass, cluster)
  const isReplaced = status.reinstall?.running !== undefined || requestedReinstall(vm, status) !== undefined
  if (isReplaced) await look.need('presence')
  // One that is missing cannot be held off, and a reinstall brings it back.
  if (isReplaced && look.seen.guest !== 'ours') return undefined
  const want = () =>
    wantOf({
      vm,
      status: draft.status,
      merged: status.package ?? {},
      installation: deps.installation.uid,
      grants: [],
      net: { bridge: net?.bridge ?? '' },
      storageType: () => undefined,
      systemDiskStorage: '',
    })
  const climbed = await climbLadder(climbOf(pass, cluster, look, suspend, want))
  if (isOutcome(climbed)) {
    if (look.seen.power === 'running' || draft.status.step?.name === 'power_off') draft.change(suspending)
    return climbed
  }
  draft.change(judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'stopped')]), (now) => ({ ...now, remoteStatus: 'stopped' }))
  return undefined
}
