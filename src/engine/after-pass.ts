import { pausedAnnotation } from '../api/group.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Reason } from '../api/words.ts'
import { holds, standing } from './conditions.ts'
import type { Memory } from './memory.ts'
import { nowIso, tell, type Room } from './dependencies.ts'
import { judged, working } from './status.ts'
import type { VMRecord } from './status-draft.ts'
import type { Outcome } from '../ladder/outcome.ts'

/** When the VM is looked at again. */
export type Again = { readonly is: 'never' } | { readonly is: 'after'; readonly ms: number } | { readonly is: 'backoff' }

/** What needs a person is looked at again this often, in case the person acted where we do not watch. */
const stalledMs = 300_000

/** From the outcome of a pass: what the object says, and when the next look is due. A ready VM stays Ready while something passes by. */
export function settle(
  it: { room: Room; record: VMRecord; memory: Memory; wasSettled: boolean; attempts: number },
  outcome: Outcome,
): Again {
  switch (outcome.is) {
    case 'done':
      delete it.memory.lastWait
      return { is: 'never' }
    case 'wait':
      // The same task as before says nothing new.
      if (outcome.task !== undefined && outcome.task === it.record.status.step?.upid) return { is: 'after', ms: outcome.lookAfterMs }
      if (!outcome.isQuiet && (!it.wasSettled || outcome.task))
        show(it, 'reconciling', outcome.reason, outcome.on, { ...(outcome.task && { upid: outcome.task }) })
      return { is: 'after', ms: outcome.lookAfterMs }
    case 'retry': {
      if (!it.wasSettled)
        show(it, 'reconciling', outcome.reason, `${ended(outcome.why)} It is tried again.`, {
          attempts: it.attempts + 1,
          lastError: outcome.why.slice(0, 1024),
        })
      return { is: 'backoff' }
    }
    case 'stalled':
      show(it, 'stalled', outcome.reason, outcome.why, { lastError: outcome.why.slice(0, 1024) })
      return { is: 'after', ms: stalledMs }
  }
}

type Shown = { attempts?: number; lastError?: string; upid?: string }

function show(
  { room, record, memory }: Parameters<typeof settle>[0],
  is: 'reconciling' | 'stalled',
  reason: Reason,
  message: string,
  step: Shown,
): void {
  const iso = nowIso(room.clock)
  const { verdicts, dropped } = standing(is, reason, message)
  // The receipt of a clone is kept: how its task ended tells a whole clone from one that was unlocked half made.
  const { name = 'creation', upid } = record.status.step ?? {}
  const kept = name === 'clone' && upid !== undefined ? { upid, ...step } : step
  record.change(judged(record.vm, iso, verdicts, dropped), working(name, iso, kept))
  if (is === 'stalled') record.change((status) => ({ ...status, observedGeneration: record.vm.metadata.generation ?? 0 }))
  const wait = `${is} ${reason} ${message}`
  if (memory.lastWait !== wait && !step.upid)
    tell(room, record.vm, is === 'stalled' || step.lastError ? 'Warning' : 'Normal', step.lastError ? 'Failed' : 'WaitBegan', message)
  memory.lastWait = wait
}

const ended = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)

export const isPaused = (vm: ProxmoxVM): boolean => vm.metadata.annotations?.[pausedAnnotation] === 'true'

/** `Paused` is there only while the annotation is. */
export function showPaused(room: Room, record: VMRecord): void {
  const iso = nowIso(room.clock)
  if (isPaused(record.vm))
    record.change(judged(record.vm, iso, [holds('Paused', 'Paused', 'The annotation pve.hosting/paused is set; nothing is changed.')]))
  else record.change(judged(record.vm, iso, [], ['Paused']))
}
