import type { Condition } from '../api/object.ts'
import { vmConditions, type VmCondition } from '../api/condition-words.ts'
import type { Reason } from '../api/reasons.ts'

export interface ConditionUpdate {
  readonly type: VmCondition
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: Reason
  readonly message: string
}

export const holds = (type: VmCondition, reason: Reason = 'Succeeded', message = ''): ConditionUpdate => ({
  type,
  status: 'True',
  reason,
  message,
})
export const fails = (type: VmCondition, reason: Reason, message: string): ConditionUpdate => ({ type, status: 'False', reason, message })

/**
 * The conditions with these verdicts in force. `lastTransitionTime` moves only when the status does; an equal verdict leaves the object as it is.
 * Conditions of other writers (DNS) pass through.
 */
export function withUpdates(
  old: readonly Condition[],
  verdicts: readonly ConditionUpdate[],
  generation: number,
  nowIso: string,
): Condition[] {
  const byType = new Map(old.map((condition) => [condition.type, condition]))
  for (const verdict of verdicts) {
    const before = byType.get(verdict.type)
    byType.set(verdict.type, {
      ...verdict,
      message: verdict.message.slice(0, 4096),
      lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : nowIso,
      observedGeneration: generation,
    })
  }
  return ordered([...byType.values()])
}

/** Removes conditions that are only there while true (Reconciling, Stalled, Paused). */
export const withoutConditions = (conditions: readonly Condition[], types: readonly VmCondition[]): Condition[] =>
  conditions.filter((condition) => !types.some((type) => type === condition.type))

const rank = (type: string) => {
  const index = vmConditions.indexOf(type as VmCondition)
  return index === -1 ? vmConditions.length : index
}
const ordered = (conditions: readonly Condition[]) => conditions.toSorted((a, b) => rank(a.type) - rank(b.type))

/**
 * The one verdict on the whole VM, for people and for kstatus: exactly one of Ready=True, Reconciling and Stalled holds.
 */
export function readiness(
  is: 'ready' | 'reconciling' | 'stalled',
  reason: Reason,
  message: string,
): { verdicts: ConditionUpdate[]; dropped: VmCondition[] } {
  switch (is) {
    case 'ready':
      return { verdicts: [holds('Ready', reason, message)], dropped: ['Reconciling', 'Stalled'] }
    case 'reconciling':
      return { verdicts: [fails('Ready', reason, message), holds('Reconciling', reason, message)], dropped: ['Stalled'] }
    case 'stalled':
      return { verdicts: [fails('Ready', reason, message), holds('Stalled', reason, message)], dropped: ['Reconciling'] }
  }
}
