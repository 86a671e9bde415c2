/** How long the step in status has been under way, whatever the clock of the machine is set to meanwhile. */
import type { Dependencies } from './dependencies.ts'
import type { Memory } from './memory.ts'
import type { VMStatusDraft } from './status-draft.ts'

interface Working {
  readonly deps: Pick<Dependencies, 'clock'>
  readonly memory: Pick<Memory, 'step'>
  readonly draft: Pick<VMStatusDraft, 'status'>
}

/** In ms, by the clock that never jumps. Only of the first step that this process sees may the record tell more. */
export function stepAgeMs({ deps, memory, draft }: Working): number {
  const { name, since } = draft.status.step ?? {}
  if (name === undefined || since === undefined) return 0
  const nowMs = deps.clock.monotonicMs()
  const known = memory.step.seen
  if (known?.name === name && known.since === since) return known.ageMs + nowMs - known.monotonicMs
  const ageMs = known === undefined ? Math.max(0, deps.clock.now() - Date.parse(since)) : 0
  memory.step.seen = { name, since, ageMs, monotonicMs: nowMs }
  return ageMs
}
