/** What a guest is without what we wrote on it: for a VM that is handed back to people. */
import { ownTag } from './mark.ts'

/** Our lines of the description: the mark's own, and the sentence for admins under it. */
const ourLine = /^(pve\.hosting\/(owner|object) |ProxmoxVM \S+\/\S+, managed by pve-operator: )/

/** What to set and what to remove; undefined: there is nothing of ours. */
export function unmarked(now: Readonly<Record<string, string>>): { set: Record<string, string>; remove: string[] } | undefined {
  const description = (now.description ?? '')
    .split('\n')
    .filter((line) => !ourLine.test(line.trim()))
    .join('\n')
    .trim()
  const tags = (now.tags ?? '')
    .split(/[;, ]+/)
    .filter((tag) => tag !== '' && tag !== ownTag)
    .join(';')
  const wanted = Object.entries({ description, tags }).filter(([key, value]) => isOurs(key, now) && value !== (now[key] ?? ''))
  if (wanted.length === 0) return undefined
  return {
    set: Object.fromEntries(wanted.filter(([, value]) => value !== '')),
    remove: wanted.flatMap(([key, value]) => (value === '' ? [key] : [])),
  }
}

/** A description or a tag list without anything of ours is left as it is written, white space included. */
const isOurs = (key: string, now: Readonly<Record<string, string>>): boolean =>
  key === 'tags'
    ? (now.tags ?? '').split(/[;, ]+/).includes(ownTag)
    : (now.description ?? '').split('\n').some((line) => ourLine.test(line.trim()))
