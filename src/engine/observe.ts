/** A cluster in mode Observe: what would be done is said, and nothing is done in PVE. The client holds to it whatever is planned here. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { Looking, Plan } from '../ladder/plan.ts'
import type { Want } from '../ladder/machine.ts'
import type { Ladder } from '../ladder/step.ts'
import { type Obstacle, stalled } from '../ladder/outcome.ts'
import { planChange } from './apply/change.ts'
import type { Pass } from './pass.ts'
import { requestedReinstall } from './reinstall-state.ts'
import { selectorOf } from './create/selector.ts'

type Observed = Pick<PveCluster, 'name' | 'spec'>

export const observes = (cluster: Observed | undefined): boolean => cluster?.spec.mode === 'Observe'

/** @param what what would be done, as a clause: `VM 100 would be deleted`. */
export const wouldDo = ({ name }: Observed, what: string): Obstacle =>
  stalled('Observing', `ProxmoxCluster "${name}" is in mode Observe, so the operator changes nothing in PVE. In mode Manage: ${what}.`)

/** What needs more than the ladder. Undefined: there is a VM, and the ladder tells what it lacks. */
export function observedBirth({ draft: { vm, status } }: Pass, cluster: Observed): Obstacle | undefined {
  if (!observes(cluster)) return undefined
  const request = status.firstReadyAt === undefined ? undefined : requestedReinstall(vm, status)
  const running = request ?? status.reinstall?.running?.requestID
  const from = selectorOf(vm.spec.reinstall?.template ?? vm.spec.template)
  if (running !== undefined) return wouldDo(cluster, `VM ${status.vmid} would be reinstalled (request ${running}, template ${from})`)
  if (status.intentAt === undefined) return wouldDo(cluster, `the VM would be made from template ${from}`)
  return undefined
}

/** What the ladder would do, step by step. */
export async function observedPlan(
  o: { readonly cluster: Observed; readonly ladder: Ladder; readonly look: Looking; readonly isRepair: boolean },
  plan: Exclude<Plan, { is: 'rest' }>,
  want: Want,
): Promise<Obstacle> {
  const { sentences, needsStop } = await planChange(o.ladder, o.look, want)
  await o.look.need('power')
  // Drift never stops a VM.
  const stops = needsStop && !o.isRepair && o.look.seen.power === 'running'
  const all = sentences.length > 0 ? sentences : [plan.because]
  return wouldDo(o.cluster, `${all.join('; ')}${stops ? '; the VM would be shut down for it and started again' : ''}`)
}

/** Why the VM of a deleted object is still there. Undefined: nothing in PVE stands for it, or nothing there would be touched. */
export function observedEnd({ draft: { vm, status } }: Pass, cluster: Observed | undefined): Obstacle | undefined {
  if (!cluster || !observes(cluster) || status.intentAt === undefined || vm.spec.deletionPolicy === 'Orphan') return undefined
  return wouldDo(cluster, `VM ${status.vmid} would be deleted (deletionPolicy ${vm.spec.deletionPolicy ?? 'Terminate'})`)
}
