/** What is done to a hibernated guest (lock suspended): PVE takes its power and its firewall, and refuses every change of its configuration. */
import type { Want } from '../../ladder/machine.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import { type Plan, planNext } from '../../ladder/plan.ts'
import { suspend } from '../../lifecycle.ts'
import { power, powerOff } from '../../steps/power.ts'
import { putBackFirewall } from '../../steps/put-back-firewall.ts'
import { setFirewall } from '../../steps/set-firewall.ts'
import { isSuspended } from '../../want/suspension.ts'
import type { Climb } from '../climb-pass.ts'

/** qemu-server checks the lock before a change of the configuration, a resize or a move of a disk; a start goes through and resumes the guest. */
const isTaken = (step: unknown): boolean => step === power || step === powerOff || step === setFirewall || step === putBackFirewall

/**
 * The first thing of the ladder that PVE takes now, instead of `plan`. What is left when there is none waits for a start, which is a person's
 * to ask for; a suspension is complete without it, since a hibernated guest is off.
 */
export async function planAsleep(
  { ladder, look, draft }: Climb,
  want: Want,
  plan: Exclude<Plan, { is: 'rest' }>,
): Promise<Plan | Obstacle> {
  if (isTaken(plan.step)) return plan
  const next = await planNext(ladder.filter(isTaken), look, want)
  if (next.is !== 'rest' || ladder === suspend) return next
  const { name, namespace } = draft.vm.metadata
  const { vmid, node } = look.at
  const how = isSuspended(draft.vm)
    ? 'It starts when its last suspension is removed.'
    : `Start it with: kubectl pve start ${name} -n ${namespace}`
  return stalled(
    'MustResume',
    `VM ${vmid} on ${node} is hibernated, and PVE refuses every change of a hibernated VM. This waits until the VM is started: ${plan.because}. ${how}`,
  )
}
