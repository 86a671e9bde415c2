/** How long ago something began that is on record: by the clock that never jumps as far as this process has seen it, else as the record says. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from './dependencies.ts'
import type { Memory } from './memory.ts'
import { pveNowMs, pveTime } from './pve-time.ts'
import type { VMStatusDraft } from './status-draft.ts'

/** Whose request: a VM has at most one of each on its way. */
export type AskedFor = 'command' | 'rollback' | 'snapshot'

interface Asking {
  readonly deps: Pick<Dependencies, 'clock'>
  readonly memory: Pick<Memory, 'asked' | 'step'>
}

type PveClock = Pick<PveCluster, 'clockSkewMs'>

/** The request is about to leave; the answer goes into status before it does: now, by PVE's clock, RFC 3339. */
export function noteAsked({ deps, memory }: Asking, cluster: PveClock, what: AskedFor): string {
  const at = pveTime(cluster, deps)
  memory.asked.set(what, { at, monotonicMs: deps.clock.monotonicMs(), isOwn: true })
  return at
}

/** How long ago, in ms, the request left that was noted `at`. One of a former process left before this one saw it, whatever the clocks say. */
export function askedForMs({ deps, memory }: Asking, cluster: PveClock, what: AskedFor, at: string): number {
  const nowMs = deps.clock.monotonicMs()
  const known = memory.asked.get(what)
  const seen = known?.at === at ? known : { at, monotonicMs: nowMs, isOwn: false }
  memory.asked.set(what, seen)
  const sinceMs = nowMs - seen.monotonicMs
  return seen.isOwn ? sinceMs : Math.max(sinceMs, pveNowMs(cluster, deps) - Date.parse(at))
}

/** How long the step in status has been under way, in ms. Only of the first one that this process sees may the record tell more. */
export function stepAgeMs({ deps, memory, draft }: Asking & { readonly draft: Pick<VMStatusDraft, 'status'> }): number {
  const { name, since } = draft.status.step ?? {}
  if (name === undefined || since === undefined) return 0
  const nowMs = deps.clock.monotonicMs()
  const known = memory.step.seen
  if (known?.name === name && known.since === since) return known.ageMs + nowMs - known.monotonicMs
  const ageMs = known === undefined ? Math.max(0, deps.clock.now() - Date.parse(since)) : 0
  memory.step.seen = { name, since, ageMs, monotonicMs: nowMs }
  return ageMs
}
