import { configStep, difference } from '../ladder/config-step.ts'
import { carriesMark } from '../ladder/mark.ts'

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
        ...(!carriesMark(now.description, want.mark) && { description: want.description }),
        ...(want.fresh && { protection: '0' }),
        ...(want.tags &&
          !hasTags(now.tags, want.tags, want.fresh) && {
            tags: want.fresh ? want.tags.join(';') : [...tagsOf(now.tags), ...want.tags].join(';'),
          }),
      },
      { onboot: '0', protection: '0' },
    ),
})

const tagsOf = (tags: string | undefined) => (tags ?? '').split(/[;, ]+/).filter(Boolean)

/** A fresh clone has exactly our tags (the template's would make `template.tag` find a customer's VM); later, foreign ones may stand beside them. */
function hasTags(now: string | undefined, want: readonly string[], exactly: boolean): boolean {
  const tags = new Set(tagsOf(now))
  return want.every((tag) => tags.has(tag)) && (!exactly || tags.size === want.length)
}
