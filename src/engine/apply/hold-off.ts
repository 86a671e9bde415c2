import type { PveCluster } from '../../cluster/cluster.ts'
import { conditionOf, isTrue } from '../../api/condition.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { type Outcome, isOutcome } from '../../ladder/outcome.ts'
import { suspend } from '../../lifecycle.ts'
import type { Want } from '../../ladder/machine.ts'
import { isBirth } from '../../want/birth.ts'
import { isSuspended } from '../../want/suspension.ts'
import { wantOf } from '../../want/want.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { readReceipt } from '../receipt.ts'
import { isBeingRestored } from '../restore/restore-state.ts'
import { isUntouched } from '../reinstall-state.ts'
import type { Look } from '../look.ts'
import { silenceOf } from '../references.ts'
import { judged } from '../status.ts'
import { withAsFound } from '../../want/as-found.ts'
import { fieldsAsFound, isUncompared } from '../adopt/as-found-state.ts'
import { beginLook, climbOf, isSaidToRun } from './ascent.ts'
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
  if (!isSuspended(vm) || !mayRun(status, cluster) || isUncompared(status)) return undefined
  const silence = silenceOf(cluster, deps.clock)
  if (silence) return silence
  // Only what it has asked for itself is waited for: another task may never end.
  const pending = isOfSuspension(status) && readReceipt(pass, cluster)
  if (pending && pending.is !== 'wait') forgetLastSent(pass.memory)
  if (pending) return pending
  const look = beginLook(pass, cluster)
  // Not presumed: it may run, and a start may be on its way.
  look.powerAsked()
  await look.need('presence')
  if (look.seen.guest !== 'ours') return undefined
  const starting = await startUnderWay(pass, cluster, look)
  if (starting) return starting
  const suspending = judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'running')])
  if (conditionOf(draft.status.conditions, 'Suspended')?.status !== 'True') {
    draft.change(suspending)
    // Before the shutdown: if the suspension goes while nobody looks, the VM is known to be off because of it.
    await draft.save()
  }
  // A suspension is an order of its own: power is not left as it was found.
  const want = () => wantOfRecord(pass, (field) => field !== 'power')
  const climbed = await climbLadder(climbOf(pass, cluster, look, suspend, want))
  if (isOutcome(climbed)) {
    if (look.seen.power === 'running' || draft.status.step?.name === 'power_off') draft.change(suspending)
    return climbed
  }
  draft.change(judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'stopped')]), (now) => ({ ...now, remoteStatus: 'stopped' }))
  return undefined
}

/** The VM as its status has it: for what must be done whatever its package, addresses and Secrets are now. `isLeft`: which fields of a taken VM stay as found. */
export function wantOfRecord({ deps, draft }: Pass, isLeft: (field: string) => boolean): Want {
  const { vm, status } = draft
  const [net] = status.interfaces ?? []
  const want = wantOf({
    vm,
    status,
    merged: status.package ?? {},
    installation: deps.installation.uid,
    grants: [],
    net: { bridge: net?.bridge ?? '' },
    storageType: () => undefined,
    systemDiskStorage: '',
  })
  return withAsFound(want, new Set([...fieldsAsFound(status)].filter(isLeft)))
}

/** The operator's own start ends soon, one way or the other: a VM that is still off may not be taken for one that stays off. */
async function startUnderWay(pass: Pass, cluster: PveCluster, look: Look): Promise<Outcome | undefined> {
  if (pass.draft.status.step?.name !== 'start') return undefined
  await look.need('power')
  const pending = look.seen.power === 'running' ? undefined : readReceipt(pass, cluster)
  return pending?.is === 'wait' ? pending : undefined
}

const isOfSuspension = ({ step }: ProxmoxVMStatus) => step?.name === 'power_off' || step?.name === 'onboot'

/** A VM that is being made runs only from its start on; until a reinstall deletes the old one, that runs. */
function mayRun(status: ProxmoxVMStatus, cluster: PveCluster): boolean {
  if (!status.intentAt || status.removedAt || isBeingRestored(status)) return false
  if (!isBirth(status) || (status.reinstall?.running !== undefined && isUntouched(status))) return true
  const isStarted = isSaidToRun(status, cluster) || status.step?.name === 'start' || status.firstStartedAt !== undefined
  return isTrue(status.conditions, 'Cloned') && isStarted
}
