/** What of a package is left undone on purpose: a list, so that no remark hides another. Its first entry gives the reason. */
import type { Condition } from '../../api/object.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { Reason } from '../../api/reasons.ts'
import type { Resolved } from '../../want/package.ts'
import { fails, holds, type ConditionUpdate } from '../conditions.ts'
import type { Climbed } from './climb.ts'

const wasKept = 'is no longer in the package and was kept.'
/** Of the steps that refuse to shrink a disk. */
const neverShrinks = ' never shrinks to '
const allElse = 'Everything else is applied.'

interface Undone {
  readonly reason: Reason
  /** One sentence, with its full stop. */
  readonly sentence: string
}

/** @param pending keys of PVE that a running VM does not take; they are told beside the rest, and have a condition of their own. */
export function packageVerdict(o: {
  readonly climbed: Pick<Climbed, 'refusals'>
  readonly resolved: Resolved
  readonly draft: { readonly status: ProxmoxVMStatus }
  readonly pending: readonly string[]
}): ConditionUpdate {
  const undone = [...refused(o.climbed), ...newer(o.resolved), ...kept(o.resolved, o.draft)]
  const [first] = undone
  const atNextStart = o.pending.length > 0 ? [`In force only after the VM was off and started again: ${o.pending.join(', ')}.`] : []
  if (!first) return holds('PackageApplied', 'Succeeded', atNextStart.join(''))
  const sentences = [...undone.map(({ sentence }) => sentence), ...atNextStart]
  return fails('PackageApplied', first.reason, [...sentences, allElse].join(' '))
}

const refused = ({ refusals }: Pick<Climbed, 'refusals'>): Undone[] =>
  refusals.flatMap(({ verdict }) => (verdict.is === 'refused' ? [{ reason: verdict.reason, sentence: `The ${verdict.message}.` }] : []))

const newer = ({ source, outdatedBy }: Resolved): Undone[] =>
  outdatedBy === undefined ? [] : [{ reason: 'PackageOutdated', sentence: outdatedSentence(source, outdatedBy) }]

function kept({ merged }: Resolved, { status }: { readonly status: ProxmoxVMStatus }): Undone[] {
  const wanted = new Set(['system', ...(merged.additionalDisks ?? []).map((disk) => disk.name)])
  const left = (status.disks ?? []).filter((disk) => !wanted.has(disk.name) && disk.removalPolicy !== 'Delete')
  return left.map(({ name, key, size }) => ({
    reason: 'DiskKept',
    sentence: `Disk ${name} (${key})${size ? ` of ${size}` : ''} ${wasKept}`,
  }))
}

const outdatedSentence = (source: { name: string; generation: number } | undefined, now: number) =>
  `VMPackage ${source?.name} was edited since this VM took it (generation ${source?.generation}, now ${now}): \`kubectl pve plan\` shows what would change, \`kubectl pve change-package\` applies it.`

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

/** Every reason in a verdict of packageVerdict: of several only the first is the condition's own. */
export function undoneIn({ reason, message }: Pick<Condition, 'reason' | 'message'>): string[] {
  const others: [Reason, boolean][] = [
    ['PackageOutdated', formerSentence.test(message)],
    ['DiskShrinkRefused', message.includes(neverShrinks)],
    ['DiskKept', message.includes(wasKept)],
  ]
  return [...new Set([reason, ...others.flatMap(([other, isThere]) => (isThere ? [other] : []))])]
}

const formerSentence = /VMPackage \S+ was edited since [^`]*`[^`]*`[^`]*`[^`]*` applies it\. /
