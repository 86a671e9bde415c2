import { power, stopForChange } from '../../steps/power.ts'
import { notAllowed } from '../../steps/set-firewall.ts'
import { provision } from '../../lifecycle.ts'
import { planAsleep } from './asleep.ts'
import { beginChange, concernsPackage, isNoted, noteStop, planChange, withStop } from './change.ts'
import { ensureCloned } from '../create/clone.ts'
import { holds } from '../conditions.ts'
import { stepAgeMs } from '../step-age.ts'
import type { Seen, Want } from '../../ladder/machine.ts'
import { rungReached, type Judged, type Plan } from '../../ladder/plan.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { asRepair, type Change, cloneFinished, judged, noted, reached, working } from '../status.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { PveGuestWriter } from '../pve-guest-writer.ts'
import { isBirth } from '../../want/birth.ts'
import { type Obstacle, type Outcome, done, retry, stalled, isOutcome } from '../../ladder/outcome.ts'
import type { Climb } from '../climb-pass.ts'
import { lockObstacle } from '../lock-sentence.ts'
import { judge } from '../../proxmox/failures.ts'
import { PveError } from '../../proxmox/pve-error.ts'
import { isTrue } from '../../api/condition.ts'
import { timeInSeconds } from '../../api/time.ts'
import { madeSinceSeconds } from '../remove/backups.ts'
import { pveNowMs } from '../pve-time.ts'
import { followGuest, noteAfterWrite, noteBeforeWrite } from '../guest-seen.ts'
import { holdShown } from '../hold-shown.ts'
import type { Left } from '../left.ts'
import { isLeftBefore, leave, leftNow, nextPlan } from './leaving.ts'
import { observedPlan, observes } from '../observe.ts'
import { isThrottleOpen } from '../../want/traffic.ts'
import { tellNotHandedOn } from '../create/not-handed-on.ts'
import { templateSentence } from '../guest-verdict.ts'
import { haHindrance } from './ha-wait.ts'
import { openSettings, settingsAnswered, settingsSent } from './open-settings.ts'
import { answeredStop, followOpenStop, openedStop, startedSince, withOpenStop } from './open-stop.ts'
import { forgetLastSent, forgetSentOf, noteSent, pauseBefore, timesSent } from './repeats.ts'

/** What the ladder left open on purpose, with what it was climbed for. */
export interface Climbed {
  readonly want: Want
  readonly refusals: readonly Judged[]
  readonly seen: Seen
  /** What PVE refused, and is asked for again later. */
  readonly left: readonly Left[]
}

/** More requests than any package can need; beyond that PVE is not taking what it accepts. */
const mostTurns = 100

/** Looks, chooses, acts, and looks again, until nothing is missing or something must be waited for. Nobody waits here: waiting is returning. */
export async function climbLadder(climb: Climb): Promise<Outcome | Climbed> {
  const cloned = await ensureCloned(climb)
  if (cloned.is !== 'done') return cloned
  markCloned(climb)
  for (let turn = 0; turn < mostTurns; turn++) {
    await climb.look.need('config')
    if (climb.look.seen.config?.values.template === '1') return becameTemplate(climb)
    await holdShown(climb)
    await followGuest(climb)
    await followOpenStop(climb)
    const want = climb.want()
    if (isOutcome(want)) return want
    // What is passed over by the plan is still left when it is told, however long the look took.
    const plannedMs = climb.deps.clock.monotonicMs()
    const plan = await possiblePlan(climb, want)
    if (plan.is !== 'rest' && climb.look.isPowerListed) {
      climb.look.powerAsked()
      continue
    }
    if (!isPlan(plan)) return plan
    note(climb, plan)
    const open = plan.is === 'rest' && climb.ladder === provision ? openSettings(climb) : undefined
    if (open) return open
    if (plan.is === 'rest') {
      forgetSentOf(climb.memory, climb.ladder)
      return { want, refusals: plan.refusals, seen: climb.look.seen, left: leftNow(climb.memory, plannedMs) }
    }
    if (observes(climb.cluster)) return await observedPlan(climb, plan, want)
    if (climb.look.isCarried) return lookAgain
    const { lock } = climb.look.seen
    if (lock && lock !== 'suspended') return await locked(climb, lock)
    if (await noteChange(climb, plan, want)) continue
    const sentence = `${plan.step.name}: ${plan.because}`
    const pause = haHindrance(climb, plan.step.name, sentence) ?? pauseBefore(climb, plan.step.name, sentence)
    if (pause) return pause
    const outcome = await send(climb, plan, plan.of?.want ?? want, sentence)
    if (outcome.is !== 'done') return outcome
  }
  return retry('NotConverging', `${mostTurns} requests did not bring the VM to its spec; the operator continues in the next round.`)
}

const isPlan = (plan: Plan | Obstacle): plan is Plan => plan.is === 'rest' || plan.is === 'step' || plan.is === 'config'

/** A guest that PVE has hibernated is not asked for what PVE refuses of it. */
async function possiblePlan(climb: Climb, want: Want): Promise<Plan | Obstacle> {
  const plan = await nextPlan(climb, want)
  const isAsleep = climb.look.seen.lock === 'suspended' && !climb.look.isCarried && !observes(climb.cluster)
  return plan.is !== 'rest' && isAsleep ? await planAsleep(climb, want, plan) : plan
}

/** Its power is off for good, whatever was wanted of it. */
function becameTemplate({ draft, look }: Climb): Outcome {
  draft.change((status) => ({ ...status, remoteStatus: 'stopped' }))
  return stalled('BecameTemplate', templateSentence(look.at))
}

/** What did not end well has its own backoff; what did is not repeated at once, should its effect not show. */
async function send(climb: Climb, plan: Exclude<Plan, { is: 'rest' }>, want: Want, sentence: string): Promise<Outcome> {
  // In turn the request itself and the one that makes PVE look again: which of them helps, only the next look can tell.
  const isRepeated = timesSent(climb, plan.step.name, sentence) % 2 === 1
  noteSent(climb, sentence)
  const { openStop, change: { wasRunning = false, sent } = {} } = climb.draft.status
  try {
    const outcome = await act(climb, plan, want, isRepeated)
    if (plan.step === stopForChange && outcome.is === 'wait' && outcome.task) climb.draft.change(answeredStop(openStop, outcome.task))
    return outcome
  } catch (fault) {
    forgetLastSent(climb.memory)
    if (plan.is === 'config' && isRefused(fault)) climb.draft.change(settingsAnswered(sent))
    if (plan.step === stopForChange && isRefused(fault)) climb.draft.change(withStop(wasRunning), withOpenStop(openStop))
    if (leave(climb, plan, fault)) return done
    throw fault
  }
}

/** PVE has answered that it does nothing. */
const isRefused = (fault: unknown): boolean => fault instanceof PveError && judge(fault).kind !== 'unknown-outcome'

const lookAgain: Outcome = {
  is: 'wait',
  reason: 'Applying',
  message: 'The operator reads the VM before it sends anything.',
  lookAfterMs: 0,
  isQuiet: true,
}

function markCloned(climb: Climb): void {
  const { draft, deps, look } = climb
  const { node } = look.seen
  const iso = nowIso(deps.clock)
  const { vmid, template, conditions } = draft.status
  if (!isTrue(conditions, 'Cloned'))
    draft.change(
      cloneFinished(iso, `VM ${vmid} on ${node}, from ${template?.volume ? `backup ${template.volume}` : `template ${template?.vmid}`}`),
      wholeNow,
    )
  draft.change(judged(draft.vm, iso, [holds('Cloned')]), (status) => ({ ...status, ...(node && { node }) }), madeSinceIntent(climb))
  // A new clone is off until somebody starts it.
  const { power } = look.seen
  if (power) draft.change((status) => (status.remoteStatus ? status : { ...status, remoteStatus: power }))
}

/** Without the receipt of the clone: the time of the intent by PVE's clock, written once, so that it stays when a clock is set later. */
const madeSinceIntent =
  ({ cluster, deps }: Climb): Change =>
  (status) => {
    if (status.clonedAt !== undefined || status.intentAt === undefined) return status
    return { ...status, clonedAt: timeInSeconds(Math.min(madeSinceSeconds(cluster, status) * 1000, pveNowMs(cluster, deps))) }
  }

/** What a failed restore had left under the number is replaced by the VM. */
const wholeNow: Change = ({ template, ...status }) => {
  const { isLeft: _, ...made } = template ?? { isLeft: undefined }
  return template ? { ...status, template: made as typeof template } : status
}

/** Only after a look is a rung a fact. It is written when the pass returns, so a birth costs few writes and the value may jump. */
function note({ draft, deps, ladder }: Climb, plan: Plan): void {
  const iso = nowIso(deps.clock)
  const { localStatus, step } = draft.status
  // The line of history of what is finished counts from the step before, so it is written first.
  if (isBirth(draft.status) && plan.is !== 'rest' && ladder === provision) draft.change(reached(rungReached(plan), iso, ''))
  if (plan.is !== 'rest') draft.change(working(plan.step.name, iso), asRepair(draft.vm))
  if (!isBirth(draft.status) || plan.is === 'rest') return
  if (localStatus === draft.status.localStatus) return
  recordEvent(deps, draft.vm, 'Normal', 'StepFinished', `${draft.status.localStatus} (${draft.status.progress})`)
  deps.observe.stepEnded(rungReached(plan), 'done', Math.max(0, deps.clock.now() - Date.parse(step?.since ?? iso)) / 1000)
}

/** An edit of a VM that was ready is noted whole before its first request. Power alone is no change of package, and neither is a repair. */
async function noteChange(climb: Climb, plan: Exclude<Plan, { is: 'rest' }>, want: Want): Promise<boolean> {
  const { draft, deps, look } = climb
  const isEdit =
    !climb.isRepair && !isBirth(draft.status) && plan.step.rung !== 'ready' && (plan.is !== 'config' || concernsPackage(plan.patch))
  if (!isEdit || climb.ladder !== provision || isNoted(draft)) return false
  await beginChange(deps, draft, look, await planChange(climb.ladder, look, want))
  return true
}

/** The set loses an address that the guest has let go of: told when it goes back to its pool, and nobody's drift. */
const isParting = ({ step, because }: Exclude<Plan, { is: 'rest' }>, { leaving }: Want) =>
  step.name === 'set_firewall' && leaving.some((address) => because.startsWith(notAllowed(address)))

/** On a VM that was ready each thing done is a line of its own: it is an edit, or somebody changed the VM in PVE. */
function noteEdit({ draft, deps, isRepair }: Climb, plan: Exclude<Plan, { is: 'rest' }>): void {
  if (isBirth(draft.status)) return
  const isOfTraffic = isRepair && isThrottleOpen(draft.vm) && plan.is === 'config' && plan.patch.set.net0 !== undefined
  draft.change(noted(plan.step.name, nowIso(deps.clock), isRepair && !isOfTraffic ? 'Repaired' : 'Applied', plan.because))
  if (isRepair) recordEvent(deps, draft.vm, 'Normal', isOfTraffic ? 'TrafficThrottled' : 'DriftRepaired', plan.because)
}

async function act(climb: Climb, plan: Exclude<Plan, { is: 'rest' }>, want: Want, isRepeated: boolean): Promise<Outcome> {
  const { look, draft, deps } = climb
  const { mayAct, clock } = deps
  const writer = new PveGuestWriter({ cluster: climb.cluster, look, draft, mayAct, clock, stepMs: stepAgeMs(climb) })
  deps.log.info({ vm: climb.key, vmid: want.vmid, step: plan.step.name }, plan.because)
  if (!isParting(plan, want) && !isLeftBefore(climb, plan)) noteEdit(climb, plan)
  climb.memory.left.asked = plan
  if (plan.is === 'config') tellNotHandedOn(climb, plan.patch)
  const { config, firewall } = look.seen
  if (plan.step === power && config && firewall) climb.memory.look.carried = { config, firewall }
  // Seen off: once it runs again, nothing would tell for half a minute that it was.
  if (plan.step === power && JSON.stringify(draft.status.guestSeen) !== JSON.stringify(draft.written.guestSeen)) await draft.save()
  if (plan.step === power) startedSince(climb)
  if (plan.step === stopForChange) await noteStop(draft, openedStop(climb))
  const context = { writer, seen: look.seen, want }
  if (plan.is === 'step') return await (isRepeated && plan.step.applyAgain ? plan.step.applyAgain(context) : plan.step.apply(context))
  const digest = look.seen.config?.digest ?? ''
  draft.change(settingsSent(climb, digest))
  await noteSlots(draft)
  const reachesGuest = await noteBeforeWrite(climb, plan.patch, want)
  const outcome = await writer.writeConfig(plan.patch, digest).finally(() => {
    if (reachesGuest) noteAfterWrite(climb)
  })
  draft.change(settingsAnswered())
  const passwordVersion = plan.patch.set.cipassword === undefined ? undefined : want.passwordVersion
  // Not of a task under way: if that failed, the template's password would pass for ours.
  if (!outcome && passwordVersion !== undefined)
    draft.change((status) => ({ ...status, cloudInit: { ...status.cloudInit, passwordVersion } }))
  return outcome ?? done
}

/** A slot is in status before its disk is allocated: after a lost answer a filled slot is known as ours. */
async function noteSlots(draft: VMStatusDraft): Promise<void> {
  const stored = draft.written.disks ?? []
  const isNoted = (draft.status.disks ?? []).every((disk) => stored.some((other) => other.name === disk.name && other.key === disk.key))
  if (!isNoted) await draft.save()
}

async function locked({ draft, deps, cluster, look }: Climb, lock: string): Promise<Outcome> {
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: lock }), working(draft.status.step?.name ?? 'ready', nowIso(deps.clock)))
  return await lockObstacle({ cluster, at: look.at, lock, seenBefore, next: 'the operator changes nothing until PVE releases the lock' })
}
