/** A VM that the operator itself has switched off, and whose package, addresses or Secret are not usable now: it does not stay off for that. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { isOutcome, type Obstacle, type Outcome } from '../../ladder/outcome.ts'
import { wake } from '../../lifecycle.ts'
import { isBirth } from '../../want/birth.ts'
import { isBeingUnsuspended } from '../../want/suspension.ts'
import { isUncompared } from '../adopt/as-found-state.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { judged } from '../status.ts'
import { beginLook, climbOf } from './ascent.ts'
import { climbLadder } from './climb.ts'
import { wantOfRecord } from './hold-off.ts'
import { suspensionVerdict } from './suspension-condition.ts'

/** For a change of package that cannot go on, or for a suspension that has ended. @param obstacle what it waits for, told once it runs */
export async function wakeBeside(pass: Pass, cluster: PveCluster, obstacle: Obstacle): Promise<Outcome> {
  const { deps, draft } = pass
  const { vm, status } = draft
  const isUnsuspended = isBeingUnsuspended(vm, status)
  const isOurs = isUnsuspended || status.change?.wasRunning === true
  if (!isOurs || isBirth(status) || isUncompared(status) || status.reinstall?.running || status.restore?.running) return obstacle
  const look = beginLook(pass, cluster)
  // Not presumed: status may still show the power from before the shutdown.
  look.powerAsked()
  await look.need('presence')
  if (look.seen.guest !== 'ours') return obstacle
  const climbed = await climbLadder(climbOf(pass, cluster, look, wake, () => wantOfRecord(pass, () => true)))
  if (isOutcome(climbed)) return climbed
  const { power } = climbed.seen
  if (power) draft.change((now) => ({ ...now, remoteStatus: power }))
  if (isUnsuspended) {
    draft.change(judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, power)]))
    recordEvent(deps, vm, 'Normal', 'Unsuspended', 'the last suspension was removed')
  }
  return obstacle
}
