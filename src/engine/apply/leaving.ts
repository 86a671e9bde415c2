/** A change of which PVE refuses one thing: that is left for later and told, and the rest is applied. */
import { judge, type Failure, type FailureKind } from '../../proxmox/failures.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import { PveError } from '../../proxmox/pve-error.ts'
import { ofTheWire, withAsFound } from '../../want/as-found.ts'
import { isBirth } from '../../want/birth.ts'
import type { Want } from '../../ladder/machine.ts'
import { type Outcome, retry, stalled } from '../../ladder/outcome.ts'
import { planCarefully, planNext, type Plan } from '../../ladder/plan.ts'
import type { Ladder, Step } from '../../ladder/step.ts'
import { provision } from '../../lifecycle.ts'
import { setFirewall } from '../../steps/set-firewall.ts'
import { lookAsked } from '../after-pass.ts'
import type { Climb } from '../climb-pass.ts'
import { fails } from '../conditions.ts'
import { unplanned } from './change.ts'
import { nowIso, type Dependencies } from '../dependencies.ts'
import type { Asked, Left } from '../left.ts'
import type { Memory } from '../memory.ts'
import type { Pass } from '../pass.ts'
import { judged, noted } from '../status.ts'
import type { VMStatusDraft } from '../status-draft.ts'

/** Failures of the thing itself. In all others PVE, the VM or the answer is missing, and nothing else would go better. */
const ofTheThing: ReadonlySet<FailureKind> = new Set<FailureKind>(['busy', 'denied', 'invalid', 'no-space', 'protected', 'other'])

/** Pauses before the next try; the last one repeats. What only a person can help is asked for at the last one, but what is merely not permitted costs PVE nothing. */
const pausesMs = [15_000, 30_000, 60_000, 120_000, 290_000] as const

/** After a refusal one request a thing, so that it is known what was refused. */
export async function nextPlan(climb: Climb, want: Want): Promise<Plan> {
  const { left } = climb.memory
  const look = lookAsked(climb.draft)
  if (left.generation !== climb.draft.generation || (look !== undefined && left.look !== look)) {
    left.things.clear()
    left.isCareful = false
    left.generation = climb.draft.generation
    if (look !== undefined) left.look = look
  }
  if (!left.isCareful || climb.ladder !== provision) return await planNext(worthALook(climb, want), climb.look, want)
  const nowMs = climb.deps.clock.monotonicMs()
  const isPaused = (key: string) => (left.things.get(key)?.untilMs ?? 0) > nowMs
  // A disk that could not be made has no size and no limits.
  const isLeft = (step: Step, subject: string) => isPaused(`${step.name} ${subject}`) || isPaused(`set_created_additional_disk ${subject}`)
  const mayStop = want.mayStop && ![...left.things.values()].some((thing) => thing.untilMs > nowMs && mayHoldUpStart.test(thing.sentence))
  const wanted = { ...want, mayStop }
  // Addresses belong to their wire: without it the guest keeps those it has, and is not restarted for others.
  const isWireLeft = isPaused('set_network network card')
  return await planCarefully(climb.ladder, climb.look, isWireLeft ? withAsFound(wanted, ofTheWire) : wanted, isLeft)
}

/**
 * While nothing is edited the firewall of a VM is not read if PVE applies it to none of its network cards: rules of whatever kind would be
 * without effect. Three of the four requests of an audit are saved.
 */
function worthALook({ ladder, isRepair, look }: Climb, { firewall, net }: Want): Ladder {
  const { values } = look.seen.config ?? {}
  if (!isRepair || ladder !== provision || !values || net.firewall || firewall.options['enable'] === '1') return ladder
  const isFiltered = Object.entries(values).some(([key, value]) => /^net\d+$/.test(key) && /(?:^|,)firewall=1(?:,|$)/.test(value))
  return isFiltered ? ladder : ladder.filter((step) => step !== setFirewall)
}

/** A VM is not switched off for the rest of a change when a storage of its disks is away: it could not be started again. */
const mayHoldUpStart = /storage '|volume '/

/** True: what failed is left, and the climb goes on with the rest. */
export function leave(climb: Climb, plan: Exclude<Plan, { is: 'rest' }>, fault: unknown): boolean {
  if (!(fault instanceof PveError) || climb.ladder !== provision) return false
  return leaveFailed(climb, plan, judge(fault))
}

/** The task of the last pass failed. It is asked for once more by itself, so that it is known what failed. */
export function leaveTask(climb: Pick<Pass, 'memory' | 'draft' | 'deps'>, failure: Failure): boolean {
  const step = provision.find((one) => one.subjects !== undefined && one.name === climb.draft.status.step?.name)
  return step !== undefined && leaveFailed(climb, climb.memory.left.asked ?? { step }, failure)
}

function leaveFailed({ memory: { left }, draft, deps }: Pick<Pass, 'memory' | 'draft' | 'deps'>, plan: Asked, failure: Failure): boolean {
  if (isBirth(draft.status) || !ofTheThing.has(failure.kind) || failure.reason === 'NoQuorum') return false
  if (!left.isCareful) {
    left.isCareful = true
    return true
  }
  if (plan.of === undefined) return false
  const key = `${plan.step.name} ${plan.of.name}`
  const tries = (left.things.get(key)?.tries ?? 0) + 1
  const isForLater = failure.terminal && failure.kind !== 'denied'
  const pauseMs = isForLater ? pausesMs.at(-1) : (pausesMs[tries - 1] ?? pausesMs.at(-1))
  const sentence = `${plan.of.name}: PVE refused ${plan.because ?? plan.step.name}: ${failure.message.replace(/\.$/, '')}`
  const { reason, terminal } = failure
  if (tries === 1) draft.change(noted(plan.step.name, nowIso(deps.clock), 'Failed', sentence))
  left.things.set(key, { reason, terminal, sentence, tries, untilMs: deps.clock.monotonicMs() + (pauseMs ?? 0) })
  return true
}

/** It was refused before: history and events have told of it. */
export const isLeftBefore = ({ memory }: Climb, { step, of }: Asked): boolean =>
  of !== undefined && memory.left.things.has(`${step.name} ${of.name}`)

/** All that is left, once nothing else is missing. */
export function leftNow({ left }: Memory, nowMs: number): Left[] {
  const now = [...left.things.values()].filter(({ untilMs }) => untilMs > nowMs)
  if (now.length === 0) {
    left.things.clear()
    left.isCareful = false
  }
  return now
}

/** Of a change all is applied but what PVE refused. */
export const isOnlyLeft = ({ change }: ProxmoxVMStatus): boolean =>
  change?.generation === unplanned && change.wasRunning === undefined && change.start !== true

/**
 * The change is over but for what PVE refused: the VM has its power back, and what is asked for later is planned and noted again.
 * `others`: what is left undone on purpose, as sentences.
 */
export function tellLeft(o: { deps: Dependencies; draft: VMStatusDraft; left: readonly Left[]; others: readonly string[] }): Outcome {
  const { deps, draft, left, others } = o
  const [first] = left.toSorted((a, b) => Number(b.terminal) - Number(a.terminal))
  const sentences = left.map(({ sentence }) => `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`)
  const message = [...sentences, ...others, 'All else is applied.'].join(' ')
  draft.change(
    judged(draft.vm, nowIso(deps.clock), [fails('PackageApplied', first?.reason ?? 'Retrying', message)]),
    ({ change, ...status }) => ({
      ...status,
      ...(change && { change: { since: change.since, generation: unplanned, ...(change.addresses && { addresses: true }) } }),
    }),
  )
  if (!first || first.terminal) return stalled(first?.reason ?? 'Retrying', message)
  const again = retry(first.reason, message)
  const afterMs = Math.max(1_000, Math.min(...left.map(({ untilMs }) => untilMs)) - deps.clock.monotonicMs())
  return { ...again, is: 'retry', attempts: first.tries, afterMs }
}
