import type { PveCluster } from '../../cluster/cluster.ts'
import { conditionOf, isTrue } from '../../api/condition.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { type Outcome, isOutcome } from '../../ladder/outcome.ts'
import { suspend } from '../../lifecycle.ts'
import { isBirth } from '../../want/birth.ts'
import { isSuspended } from '../../want/suspension.ts'
import { wantOf } from '../../want/want.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { readReceipt } from '../receipt.ts'
import { isBeingRestored } from '../restore/restore-state.ts'
import { isUntouched } from '../reinstall-state.ts'
import { silenceOf } from '../references.ts'
import { judged } from '../status.ts'
import { withAsFound } from '../../want/as-found.ts'
import { fieldsAsFound, isUncompared } from '../adopt/as-found-state.ts'
import { beginLook, climbOf } from './ascent.ts'
import { climbLadder } from './climb.ts'
import { forgetLastSent } from './repeats.ts'
import { suspensionVerdict } from './suspension-condition.ts'

/**
 * A suspended VM is off before anything else is looked at: neither a command, a reinstall, a change of package nor a package that does not
 * work keeps it running. Undefined: it is off, or there is nothing that could run.
 */
export async function holdOff(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { deps, draft } = pass
  const { status, vm } = draft
  if (!isSuspended(vm) || !mayRun(status) || isUncompared(status)) return undefined
  const silence = silenceOf(cluster, deps.clock)
  if (silence) return silence
  // Only what it has asked for itself is waited for: another task may never end.
  const pending = isOfSuspension(status) && readReceipt(pass, cluster)
  if (pending && pending.is !== 'wait') forgetLastSent(pass.memory)
  if (pending) return pending
  const look = beginLook(pass, cluster)
  await look.need('presence')
  if (look.seen.guest !== 'ours') return undefined
  const suspending = judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'running')])
  if (conditionOf(draft.status.conditions, 'Suspended')?.status !== 'True') {
    draft.change(suspending)
    // Before the shutdown: if the suspension goes while nobody looks, the VM is known to be off because of it.
    await draft.save()
  }
  const [net] = status.interfaces ?? []
  // A suspension is an order of its own: power is not left as it was found.
  const left = new Set([...fieldsAsFound(status)].filter((field) => field !== 'power'))
  const want = () =>
    withAsFound(
      wantOf({
        vm,
        status: draft.status,
        merged: status.package ?? {},
        installation: deps.installation.uid,
        grants: [],
        net: { bridge: net?.bridge ?? '' },
        storageType: () => undefined,
        systemDiskStorage: '',
      }),
      left,
    )
  const climbed = await climbLadder(climbOf(pass, cluster, look, suspend, want))
  if (isOutcome(climbed)) {
    if (look.seen.power === 'running' || draft.status.step?.name === 'power_off') draft.change(suspending)
    return climbed
  }
  draft.change(judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'stopped')]), (now) => ({ ...now, remoteStatus: 'stopped' }))
  return undefined
}

const isOfSuspension = ({ step }: ProxmoxVMStatus) => step?.name === 'power_off' || step?.name === 'onboot'

/** A VM that is being made runs only from its start on; until a reinstall deletes the old one, that runs. */
function mayRun(status: ProxmoxVMStatus): boolean {
  if (!status.intentAt || status.removedAt || isBeingRestored(status)) return false
  if (!isBirth(status) || (status.reinstall?.running !== undefined && isUntouched(status))) return true
  const isStarted = status.step?.name === 'start' || status.remoteStatus === 'running' || status.firstStartedAt !== undefined
  return isTrue(status.conditions, 'Cloned') && isStarted
}
