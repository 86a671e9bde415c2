/** What stands under our VMID that is not a whole VM of ours: nothing, a stranger, or a copy under way. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { cloneAgeMs, findCloneTask, silentWindowMs } from '../create/clone-task.ts'
import { stuckLock } from '../lock-sentence.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { isBirth } from '../../want/birth.ts'
import { type Outcome, done, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { markOf } from '../../ladder/mark.ts'

/** `presumedPower`: PVE has just stopped it. */
export async function freshLook({ deps, draft: { vm, status } }: Pass, cluster: PveCluster, presumedPower?: 'stopped'): Promise<Look> {
  const vmid = status.vmid ?? 0
  const mark = markOf(vm.metadata.uid ?? '', vmid)
  const look = new Look({
    cluster,
    vmid,
    mark,
    ...(status.node && { expectedNode: status.node }),
    proofSinceMs: deps.clock.monotonicMs(),
    ...(presumedPower && { presumedPower }),
  })
  await look.need('presence')
  return look
}

/** The number has another owner: ours is gone, and the stranger is not touched. With our MAC it is our VM that lost its mark, and its address is in use. */
export function strangerThere({ draft }: Pass, look: Look): Outcome {
  const { vmid, interfaces } = draft.status
  // A VM that is being restored has neither mark nor network yet, and may be ours.
  if (look.seen.lock === 'create') return wait('Locked', `VM ${vmid} is just being created or restored in PVE.`, 10_000)
  const macAddress = interfaces?.[0]?.macAddress
  const isOurNic = macAddress !== undefined && look.seen.config?.values.net0?.toUpperCase().includes(macAddress.toUpperCase())
  if (!isOurNic) return done
  const remedy = `put the line "${markOf(draft.vm.metadata.uid ?? '', vmid ?? 0)}" back into its description in PVE, or delete the VM there`
  return stalled('VMForeign', `VM ${vmid} has the MAC address of this object and not its mark; it is not touched. An admin can ${remedy}.`)
}

/** A clone whose receipt was lost may still appear. */
export async function provedAbsent(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const { deps, draft, memory } = pass
  const { status } = draft
  const wasReady = !isBirth(status) || (status.reinstall?.running && !status.reinstall.running.removed)
  if (wasReady || status.step?.name === 'remove') return done
  const task = await findCloneTask(cluster, status)
  if (task?.running) return waitForTask(task.upid, `The clone to VM ${status.vmid} must end first.`)
  // It may have begun and ended since the look.
  if (task && (await freshLook(pass, cluster)).seen.guest !== 'absent')
    return wait('Terminating', `VM ${status.vmid} has just appeared.`, 0)
  if (task || (status.clonedAt && !status.reinstall?.running) || cloneAgeMs(deps, status, memory) > silentWindowMs) return done
  return wait('Terminating', `The answer to the clone request may have been lost; VM ${status.vmid} is given a minute to appear.`, 5_000)
}

export async function copyingOrStuck({ draft }: Pass, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid } = draft.status
  const task = await findCloneTask(cluster, draft.status)
  if (task?.running) return waitForTask(task.upid, `The clone to VM ${vmid} must end first.`)
  return stalled(
    'StuckLock',
    `${stuckLock(look.at, 'clone')} Otherwise an admin must run on ${look.at.node}: qm unlock ${vmid}. Then the operator deletes it.`,
  )
}
