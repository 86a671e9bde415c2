import { lookAnnotation, pausedAnnotation } from '../api/group.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Reason } from '../api/reasons.ts'
import { holds, readiness } from './conditions.ts'
import { linkDownLookMs, saidLinkDown } from './link-down.ts'
import type { Memory } from './memory.ts'
import { nowIso, recordEvent, type Dependencies } from './dependencies.ts'
import { asRepair, judged, working } from './status.ts'
import type { VMStatusDraft } from './status-draft.ts'
import type { Outcome } from '../ladder/outcome.ts'
import { conditionOf } from '../api/condition.ts'

/** When the VM is looked at again. */
export type Requeue = { readonly is: 'never' } | { readonly is: 'after'; readonly ms: number } | { readonly is: 'backoff' }

/** What needs a person is looked at again this often, in case the person acted where we do not watch. */
const stalledMs = 300_000

/** From the outcome of a pass: what the object says, and when the next look is due. A ready VM stays Ready while something passes by. */
export function requeueAfter(
  pass: { deps: Dependencies; draft: VMStatusDraft; memory: Memory; wasSettled: boolean; attempts: number },
  outcome: Outcome,
): Requeue {
  switch (outcome.is) {
    case 'done':
      delete pass.memory.events.lastWait
      return saidLinkDown(pass.draft.status) === undefined ? { is: 'never' } : { is: 'after', ms: linkDownLookMs }
    case 'wait':
      // The same task as before says nothing new.
      if (outcome.task !== undefined && outcome.task === pass.draft.status.step?.upid && isShown(pass.draft, outcome.reason))
        return { is: 'after', ms: outcome.lookAfterMs }
      if (!outcome.isQuiet && (!pass.wasSettled || outcome.task || outcome.reason === 'NotConverging'))
        show(pass, 'reconciling', outcome.reason, outcome.message, {
          ...(outcome.task && { upid: outcome.task }),
          ...(outcome.attempts && { attempts: outcome.attempts }),
        })
      return { is: 'after', ms: outcome.lookAfterMs }
    case 'retry': {
      const { afterMs, attempts = pass.attempts + 1 } = outcome
      const again = afterMs === undefined ? 'Retrying.' : `Retrying in ${Math.ceil(afterMs / 1000)} s.`
      if (!pass.wasSettled)
        show(pass, 'reconciling', outcome.reason, `${ended(outcome.message)} ${again}`, {
          attempts,
          lastError: outcome.message.slice(0, 1024),
        })
      return afterMs === undefined ? { is: 'backoff' } : { is: 'after', ms: afterMs }
    }
    case 'stalled':
      show(pass, 'stalled', outcome.reason, outcome.message, asked.has(outcome.reason) ? {} : { lastError: outcome.message.slice(0, 1024) })
      return { is: 'after', ms: stalledMs }
  }
}

/** A restart may have left another reason behind, such as a cluster that was not ready yet. */
const isShown = ({ status }: VMStatusDraft, reason: Reason) => conditionOf(status.conditions, 'Ready')?.reason === reason

/** Somebody wanted it so: no reason to worry anybody. */
const asked: ReadonlySet<Reason> = new Set<Reason>(['Removed', 'Released'])

type Shown = { attempts?: number; lastError?: string; upid?: string }

function show(
  { deps, draft, memory }: Parameters<typeof requeueAfter>[0],
  is: 'reconciling' | 'stalled',
  reason: Reason,
  message: string,
  step: Shown,
): void {
  const iso = nowIso(deps.clock)
  const { verdicts, dropped } = readiness(is, reason, message)
  // The receipt of a clone is kept: how its task ended tells a whole clone from one that was unlocked half made.
  const { name = 'creation', upid, attempts, lastError } = draft.status.step ?? {}
  // Failures stay in view while the same thing is tried again.
  const failures = { ...(attempts !== undefined && { attempts }), ...(lastError !== undefined && { lastError }) }
  const kept = { ...failures, ...((name === 'clone' || name === 'restore') && upid !== undefined && { upid }), ...step }
  draft.change(judged(draft.vm, iso, verdicts, dropped), working(name, iso, kept), asRepair(draft.vm))
  if (is === 'stalled') draft.change((status) => ({ ...status, observedGeneration: draft.vm.metadata.generation ?? 0 }))
  const wait = `${is} ${reason} ${message}`
  if (memory.events.lastWait !== wait && !step.upid)
    recordEvent(
      deps,
      draft.vm,
      (is === 'stalled' || step.lastError) && !asked.has(reason) ? 'Warning' : 'Normal',
      step.lastError ? 'Failed' : 'WaitBegan',
      message,
    )
  memory.events.lastWait = wait
}

/** With its full stop. */
export const ended = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** Somebody asks for a look (annotation pve.hosting/look) that was not answered yet. */
export function lookAsked({ vm, status }: Pick<VMStatusDraft, 'vm' | 'status'>): string | undefined {
  const asked = vm.metadata.annotations?.[lookAnnotation]?.slice(0, 128)
  return asked === status.lookedFor ? undefined : asked
}

/** What only a thorough look tells is to be known. */
export const isLookDue = (of: Pick<VMStatusDraft, 'vm' | 'status'>, { audit }: Memory): boolean =>
  audit.isDue === true || lookAsked(of) !== undefined || saidLinkDown(of.status) !== undefined

/** A pass that only waits for its time has not looked. */
export function answerLook(draft: VMStatusDraft, outcome: Outcome): void {
  const asked = lookAsked(draft)
  if (asked !== undefined && !(outcome.is === 'wait' && outcome.isQuiet)) draft.change((status) => ({ ...status, lookedFor: asked }))
}

export const isPaused = (vm: ProxmoxVM): boolean => vm.metadata.annotations?.[pausedAnnotation] === 'true'

/** `Paused` is there only while the annotation is. */
export function showPaused(deps: Dependencies, draft: VMStatusDraft): void {
  const iso = nowIso(deps.clock)
  if (isPaused(draft.vm))
    draft.change(
      judged(draft.vm, iso, [holds('Paused', 'Paused', 'The annotation pve.hosting/paused is set; the operator changes nothing.')]),
    )
  else draft.change(judged(draft.vm, iso, [], ['Paused']))
}
