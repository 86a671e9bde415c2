/** What of a package is left undone on purpose: a list, so that no remark hides another. Its first entry gives the reason. */
import type { Condition } from '../../api/object.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { Reason } from '../../api/reasons.ts'
import type { Resolved } from '../../want/package.ts'
import { fails, holds, type ConditionUpdate } from '../conditions.ts'
import { formerSentence, outdatedSentence, wasKept } from '../undone-words.ts'
import { isOfPackage } from '../adopt/as-found-state.ts'
import type { Climbed } from './climb.ts'

const allElse = 'All else is applied.'

interface Undone {
  readonly reason: Reason
  /** One sentence, with its full stop. */
  readonly sentence: string
}

interface UndoneInput {
  readonly climbed: Pick<Climbed, 'refusals'>
  readonly resolved: Resolved
  readonly draft: { readonly status: ProxmoxVMStatus }
  /** Keys of PVE that a running VM does not take; they are told beside the rest, and have a condition of their own. */
  readonly pending: readonly string[]
}

const undoneOf = ({ climbed, resolved, draft }: UndoneInput): Undone[] => [
  ...refused(climbed),
  ...newer(resolved),
  ...asFound(draft),
  ...kept(resolved, draft),
]

/** All that is left undone on purpose, as sentences. */
export const undoneSentences = (o: UndoneInput): string[] => [...undoneOf(o).map(({ sentence }) => sentence), ...atNextStart(o.pending)]

const atNextStart = (pending: readonly string[]): string[] =>
  pending.length > 0 ? [`Takes effect only at the next start from off: ${pending.join(', ')}.`] : []

export function packageVerdict(o: UndoneInput): ConditionUpdate {
  const [first] = undoneOf(o)
  if (!first) return holds('PackageApplied', 'Succeeded', atNextStart(o.pending).join(''))
  return fails('PackageApplied', first.reason, [...undoneSentences(o), allElse].join(' '))
}

const refused = ({ refusals }: Pick<Climbed, 'refusals'>): Undone[] =>
  refusals.flatMap(({ verdict }) => (verdict.is === 'refused' ? [{ reason: verdict.reason, sentence: `The ${verdict.message}.` }] : []))

const newer = ({ source, outdatedBy }: Resolved): Undone[] =>
  outdatedBy === undefined ? [] : [{ reason: 'PackageOutdated', sentence: outdatedSentence(source, outdatedBy) }]

/** As many as a person reads; `kubectl pve plan` has them all. */
const mostFields = 12

/** What of a guest that was taken over is not as the package says. */
function asFound({ status }: { readonly status: ProxmoxVMStatus }): Undone[] {
  const all = status.adoption?.takenAt === undefined ? [] : (status.adoption.differences ?? []).filter(isOfPackage)
  if (all.length === 0) return []
  const named = all.slice(0, mostFields).map(({ field, found, wanted }) => `${field} ${short(found)} (spec: ${short(wanted)})`)
  const more = all.length > mostFields ? ` and ${all.length - mostFields} more` : ''
  return [
    {
      reason: 'PackageOutdated',
      sentence: `The VM was taken over as it was, and differs in ${named.join(', ')}${more}: each stays as it is until the spec changes, or a Set… command applies it.`,
    },
  ]
}

const short = (value: string | undefined): string => (value === undefined ? 'unset' : value.length > 40 ? `${value.slice(0, 37)}…` : value)

function kept({ merged }: Resolved, { status }: { readonly status: ProxmoxVMStatus }): Undone[] {
  const wanted = new Set(['system', ...(merged.additionalDisks ?? []).map((disk) => disk.name)])
  const left = (status.disks ?? []).filter((disk) => !wanted.has(disk.name) && disk.removalPolicy !== 'Delete')
  return left.map(({ name, key, size }) => ({
    reason: 'DiskKept',
    sentence: `Disk ${name} (${key})${size ? ` of ${size}` : ''} ${wasKept}`,
  }))
}

/** The verdict that stands, with an edit of the VMPackage that came since. Undefined: it is told already, or a change is under way. */
export function outdated(
  said: Pick<Condition, 'status' | 'reason' | 'message'>,
  source: { name: string; generation: number } | undefined,
  now: number,
): ConditionUpdate | undefined {
  const sentence = outdatedSentence(source, now)
  if (said.reason === 'ChangingPackage' || said.message.includes(sentence)) return undefined
  const others = said.status === 'True' ? said.message : said.message.replace(formerSentence, '')
  const rest = others.endsWith(allElse) ? others : [said.status === 'True' && others, allElse].filter(Boolean).join(' ')
  return fails('PackageApplied', said.status === 'True' ? 'PackageOutdated' : (said.reason as Reason), `${sentence} ${rest}`)
}
