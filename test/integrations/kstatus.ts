import type { KubeObject } from '../../src/api/meta.ts'
import type { Condition } from '../../src/api/object.ts'

export type Verdict = 'Terminating' | 'InProgress' | 'Failed' | 'Current'

export interface Judged extends KubeObject {
  status?: { observedGeneration?: number; conditions?: Condition[] }
}

/**
 * What Flux, and everything else on sigs.k8s.io/cli-utils, makes of an object of a kind it does not know (pkg/kstatus/status: Compute and
 * checkGenericProperties). The condition Ready is not asked: where neither of its own two is True, the object counts as Current.
 */
export function kstatus({ metadata, status }: Judged): Verdict {
  if (metadata.deletionTimestamp) return 'Terminating'
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation) return 'InProgress'
  for (const { type, status: is } of status?.conditions ?? []) {
    if (type === 'Reconciling' && is === 'True') return 'InProgress'
    if (type === 'Stalled' && is === 'True') return 'Failed'
  }
  return 'Current'
}

/** `Ready`, `Reconciling`, `Stalled`: those that hold. */
export const standingOf = ({ status }: Judged): string[] =>
  (status?.conditions ?? [])
    .filter(({ type, status: is }) => ['Ready', 'Reconciling', 'Stalled'].includes(type) && is === 'True')
    .map(({ type }) => type)
