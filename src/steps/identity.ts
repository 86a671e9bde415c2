import { configStep, difference } from '../ladder/config-step.ts'
import type { Want } from '../ladder/machine.ts'
import { carriesMark, refreshedDescription } from '../ladder/mark.ts'

/** Off for a VM that must not come back with its node: suspended or halted. */
export const onboot = configStep({
  name: 'onboot',
  rung: 'clone',
  change: (now, want) => difference(now, { onboot: want.onboot ? '1' : '0' }, { onboot: '0' }),
})

/** What makes the clone this VM and not a copy of its template: name, mark, tags, onboot, protection. */
export const identity = configStep({
  name: 'identity',
  rung: 'clone',
  change: (now, want) =>
    difference(
      now,
      {
        name: want.name,
        onboot: want.onboot ? '1' : '0',
        ...described(now.description, want),
        ...((want.fresh || want.isRestored) && { protection: '0' }),
        ...(want.tags &&
          !hasTags(now.tags, want.tags, want.fresh) && {
            tags: want.fresh ? want.tags.join(';') : [...tagsOf(now.tags), ...want.tags].join(';'),
          }),
      },
      { onboot: '0', protection: '0' },
    ),
})

/** A VM that has come back from a backup carries there what was done before that, and must carry that this was done before it is started. */
function described(now: string | undefined, { mark, description, object, isRestored }: Want): { description?: string } {
  if (!carriesMark(now, mark)) return { description }
  const refreshed = isRestored && object ? refreshedDescription(now, mark, object) : undefined
  return refreshed === undefined ? {} : { description: refreshed }
}

const tagsOf = (tags: string | undefined) => (tags ?? '').split(/[;, ]+/).filter(Boolean)

/** A fresh clone has exactly our tags (the template's would make `template.tag` find a customer's VM); later, foreign ones may stand beside them. */
function hasTags(now: string | undefined, want: readonly string[], exactly: boolean): boolean {
  const tags = new Set(tagsOf(now))
  return want.every((tag) => tags.has(tag)) && (!exactly || tags.size === want.length)
}
