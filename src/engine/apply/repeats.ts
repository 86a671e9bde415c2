import { conditionOf } from '../../api/condition.ts'
import type { StepName } from '../../api/words.ts'
import type { Clock } from '../../ops/clock.ts'
import type { Obstacle } from '../../ladder/outcome.ts'
import type { Memory } from '../memory.ts'
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
  if (times === 0) return undefined
  const pauseMs = pausesMs[Math.min(times, pausesMs.length) - 1] ?? 0
  const lastMs = sender.memory.sent.bySentence.get(sentence)?.lastMs ?? 0
  const leftMs = lastMs + pauseMs - sender.deps.clock.monotonicMs()
  if (leftMs <= 0) return undefined
  const often = times === 1 ? 'once' : `${times} times`
  const told = `PVE accepted this ${often} and does not show the change: ${sentence}. The operator sends it again after ${pauseMs / 1000} s.`
  return { is: 'wait', reason: 'NotConverging', message: told, lookAfterMs: leftMs, attempts: times }
}

/** When it left last (monotonic ms); 0: never, or in a former process. */
export const lastSentMs = ({ memory }: Sender, sentence: string): number => memory.sent.bySentence.get(sentence)?.lastMs ?? 0

/** It leaves now. */
export function noteSent({ memory, deps }: Sender, sentence: string): void {
  const times = (memory.sent.bySentence.get(sentence)?.times ?? 0) + 1
  memory.sent.bySentence.set(sentence, { times, lastMs: deps.clock.monotonicMs() })
  memory.sent.last = sentence
  memory.sent.isAnySent = true
}

/** The last request did not end well: its own backoff says when it is repeated. */
export function forgetLastSent({ sent }: Pick<Memory, 'sent'>): void {
  if (sent.last !== undefined) sent.bySentence.delete(sent.last)
  delete sent.last
}

/** Nothing is missing any more. */
export function forgetAllSent({ sent }: Pick<Memory, 'sent'>): void {
  sent.bySentence.clear()
  delete sent.last
}
