/** A VM that high availability looks after: it is asked once, and does what it was asked in its own time. */
import type { StepName } from '../../api/words.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import type { Climb } from '../climb-pass.ts'
import { haErrorSentence } from '../ha-error.ts'
import { lastSentMs, timesSent } from './repeats.ts'

/** The manager looks every 10 s and the node acts within 20 more; an order that shows no trace by then was lost. */
const noTraceMs = 30_000
/** It is at work on it: a shutdown takes as long as the guest does. */
const atWorkMs = 120_000
/** States of a service in which the manager has taken no order to stop, or to start. */
const untouched = {
  stop: new Set<string | undefined>([undefined, 'started']),
  start: new Set<string | undefined>([undefined, 'stopped']),
} as const
/** A look costs about five requests. The listing wakes the VM when its row changes. */
const lookAgainMs = 8_000

const powerSteps: ReadonlySet<StepName> = new Set<StepName>(['start', 'stop', 'power_off'])

/** Why a start or stop is not sent now. Undefined: it may go, or HA has nothing to do with it. */
export function haHindrance(climb: Climb, step: StepName, sentence: string): Obstacle | undefined {
  const { isHaManaged, haState } = climb.look.seen
  if (isHaManaged !== true || !powerSteps.has(step)) return undefined
  if (haState === 'error') return stalled('HaError', haErrorSentence(climb.look.at))
  if (timesSent(climb, step, sentence) === 0) return undefined
  const order = step === 'start' ? 'start' : 'stop'
  const patienceMs = untouched[order].has(haState) ? noTraceMs : atWorkMs
  const leftMs = lastSentMs(climb, sentence) + patienceMs - climb.deps.clock.monotonicMs()
  if (leftMs <= 0) return undefined
  const { vmid } = climb.look.at
  const told = `PVE's high availability was asked to ${order} VM ${vmid} and usually does so within 10 to 30 s (its state is ${haState ?? 'nothing yet'}).`
  return { is: 'wait', reason: 'HaPending', message: told, lookAfterMs: Math.min(leftMs, lookAgainMs) }
}
