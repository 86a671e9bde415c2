import type { DnsChange, Found, Ownership, RecordSet } from './providers/provider.ts'

/** The rules under which a record may be touched. */
export interface Rules {
  /** The VM on whose behalf we act. */
  readonly uid: string
  /** The former object whose guest this VM has taken over: its marks become ours. */
  readonly former?: string
  readonly ownership: Ownership
  /** Records without any mark may be taken over (and are marked then). Another owner's mark is respected all the same. */
  readonly adopt: boolean
}

export type Difference =
  | { readonly is: 'same'; readonly ours: boolean }
  | { readonly is: 'change'; readonly change: DnsChange }
  | { readonly is: 'conflict'; readonly why: string }

const same: Difference = { is: 'same', ours: true }
const conflict = (why: string): Difference => ({ is: 'conflict', why })
const label = (found: Found): string => `${found.type} ${found.name}`
const listed = (values: readonly string[]): string => values.join(', ')

function equalValues(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value))
}

/** What must be done so that the server has what is wanted. Equal means: nothing is sent. */
export function differenceTo(want: RecordSet, seen: Found, rules: Rules): Difference {
  const equal = equalValues(seen.values, want.values) && seen.ttlSeconds === want.ttlSeconds
  const change: Difference = { is: 'change', change: { seen, want, uid: rules.uid } }
  if (rules.ownership === 'None') return equal ? same : change
  if (seen.owner === rules.uid) return equal ? same : change
  if (isFormer(seen, rules)) return change
  if (seen.owner !== undefined) return conflict(`${label(seen)} belongs to another VM (uid ${seen.owner})`)
  if (seen.values.length === 0 || rules.adopt) return change
  // Somebody wrote by hand what we would write: right as it is, but not ours, so it will not be deleted with the VM either.
  if (equalValues(seen.values, want.values)) return { is: 'same', ours: false }
  return conflict(`${label(seen)} exists and was not made by the operator (${listed(seen.values)}); delete it, or set adopt on the zone`)
}

/**
 * What must be done so that a record we once noted as ours is gone. Without a mark only what still has the noted value goes:
 * a record somebody has written anew under an old name of ours is theirs.
 */
export function differenceToNone(noted: { readonly values: readonly string[] }, seen: Found, rules: Rules): Difference {
  const removal: Difference = { is: 'change', change: { seen, uid: rules.uid } }
  if (rules.ownership === 'None') return seen.values.length > 0 && equalValues(seen.values, noted.values) ? removal : same
  return seen.owner === rules.uid || isFormer(seen, rules) ? removal : same
}

const isFormer = ({ owner }: Found, { former }: Rules): boolean => owner !== undefined && owner === former
