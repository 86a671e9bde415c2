/** Sentences on what of a package is left undone, and the reasons that they stand for. Pure. */
import type { Condition } from '../api/object.ts'
import type { Reason } from '../api/reasons.ts'

export const wasKept = 'is no longer in the package and was kept.'
/** Of the steps that refuse to shrink a disk, and to take one away. */
const neverShrinks = ' does not shrink to '
const isKept = /was kept|is kept|was not removed|its data stays/

export const outdatedSentence = (source: { name: string; generation: number } | undefined, now: number) =>
  `VMPackage ${source?.name} was edited since this VM took it (generation ${source?.generation}, now ${now}): \`kubectl pve plan\` shows what would change, \`kubectl pve change-package\` applies it.`

/** Every reason in a verdict of packageVerdict: of several only the first is the condition's own. */
export function undoneIn({ reason, message }: Pick<Condition, 'reason' | 'message'>): string[] {
  const others: [Reason, boolean][] = [
    ['PackageOutdated', formerSentence.test(message)],
    ['DiskShrinkRefused', message.includes(neverShrinks)],
    ['DiskKept', isKept.test(message)],
  ]
  return [...new Set([reason, ...others.flatMap(([other, isThere]) => (isThere ? [other] : []))])]
}

export const formerSentence = /VMPackage \S+ was edited since [^`]*`[^`]*`[^`]*`[^`]*` applies it\. /
