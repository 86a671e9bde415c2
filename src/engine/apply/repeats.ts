import { conditionOf } from '../../api/condition.ts'
import type { StepName } from '../../api/words.ts'
import type { Clock } from '../../ops/clock.ts'
import type { Obstacle } from '../../ladder/outcome.ts'
import type { Memory, Unshown } from '../memory.ts'
import type { VMStatusDraft } from '../status-draft.ts'

// A request that ended well and whose effect does not show is repeated only after growing pauses, over all passes.

/** Before the second sending, the third and so on, in ms; the last one repeats. */
const pausesMs = [2_000, 4_000, 8_000, 16_000, 30_000] as const
/** What was not missing for so long is forgotten: if it is missing again, somebody changed it again. */
const forgottenAfterMs = 300_000

interface Sender {
  readonly memory: Pick<Memory, 'sent'>
  readonly draft: VMStatusDraft
  readonly deps: { readonly clock: Clock }
}

/** How often this has been sent without effect. A former process has left word of it in status. */
export function timesSent({ memory, draft, deps }: Sender, step: StepName, sentence: string): number {
  const nowMs = deps.clock.monotonicMs()
  const known = memory.sent.bySentence.get(sentence)
  if (known && nowMs - known.lastMs < forgottenAfterMs) return known.times
  memory.sent.bySentence.delete(sentence)
  const { written } = draft
  const isTold =
    !memory.sent.isAnySent && written.step?.name === step && conditionOf(written.conditions, 'Ready')?.reason === 'NotConverging'
  if (!isTold) return 0
  const times = written.step?.attempts ?? 1
  memory.sent.bySentence.set(sentence, { times, lastMs: nowMs })
  return times
}

/** The pause before it is sent again; undefined: it may go now. */
export function pauseBefore(sender: Sender, step: StepName, sentence: string): Obstacle | undefined {
  const times = timesSent(sender, step, sentence)
  const lastMs = sender.memory.sent.bySentence.get(sentence)?.lastMs ?? 0
  return times === 0 ? undefined : pauseAfter({ times, lastMs }, sentence, sender.deps.clock.monotonicMs())
}

/** The same of what was sent beside the steps of a VM, whose sender keeps count itself. */
export function pauseAfter(unshown: Unshown, sentence: string, nowMs: number): Obstacle | undefined {
  const { times } = unshown
  const leftMs = pauseLeftMs(unshown, nowMs)
  if (leftMs <= 0) return undefined
  const often = times === 1 ? 'once' : `${times} times`
  const told = `PVE accepted this ${often} and does not show the change: ${sentence}. The operator sends it again after ${pauseMsOf(times) / 1000} s.`
  return { is: 'wait', reason: 'NotConverging', message: told, lookAfterMs: leftMs, attempts: times }
}

/** How long it is not sent again, in ms; 0 or less: it may go. */
export const pauseLeftMs = ({ times, lastMs }: Unshown, nowMs: number): number => lastMs + pauseMsOf(times) - nowMs

const pauseMsOf = (times: number): number => pausesMs[Math.min(times, pausesMs.length) - 1] ?? 0

/** It was accepted once more. */
export const sentAgain = (before: Unshown | undefined, nowMs: number): Unshown => ({ times: (before?.times ?? 0) + 1, lastMs: nowMs })

/** When it left last (monotonic ms); 0: never, or in a former process. */
export const lastSentMs = ({ memory }: Sender, sentence: string): number => memory.sent.bySentence.get(sentence)?.lastMs ?? 0

/** It leaves now. */
export function noteSent({ memory, deps }: Sender, sentence: string): void {
  memory.sent.bySentence.set(sentence, sentAgain(memory.sent.bySentence.get(sentence), deps.clock.monotonicMs()))
  memory.sent.last = sentence
  memory.sent.isAnySent = true
}

/** The last request did not end well: its own backoff says when it is repeated. */
export function forgetLastSent({ sent }: Pick<Memory, 'sent'>): void {
  if (sent.last !== undefined) sent.bySentence.delete(sent.last)
  delete sent.last
}

/** Nothing is missing any more on a ladder of these steps. What another one sends may be missing still: a suspension, a button of one rung. */
export function forgetSentOf({ sent }: Pick<Memory, 'sent'>, ladder: readonly { readonly name: StepName }[]): void {
  for (const sentence of sent.bySentence.keys())
    if (ladder.some(({ name }) => sentence.startsWith(`${name}: `))) sent.bySentence.delete(sentence)
  if (sent.last !== undefined && !sent.bySentence.has(sent.last)) delete sent.last
}
