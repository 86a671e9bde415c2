import { createHash } from 'node:crypto'
import { PveRefusal } from '../http/refusal.ts'

type Entry = Readonly<Record<string, unknown>>

function lines(entry: Entry): string {
  return Object.keys(entry)
    .toSorted()
    .filter((key) => entry[key] !== undefined && typeof entry[key] !== 'object')
    .map((key) => `${key}:${String(entry[key])}\n`)
    .join('')
}

/** SHA-1 of one object's `key:value` lines, as pve-firewall computes it; nested values do not count. */
export function objectDigest(entry: Entry): string {
  return createHash('sha1').update(lines(entry)).digest('hex')
}

/** SHA-1 of a whole list; each of its members carries it. */
export function listDigest(list: readonly Entry[]): string {
  return createHash('sha1').update(list.map(lines).join('')).digest('hex')
}

/** The list with its digest on every member. */
export function withDigest<T extends Entry>(list: readonly T[]): (T & { digest: string })[] {
  const digest = listDigest(list)
  return list.map((entry) => ({ ...entry, digest }))
}

/** 500 when the caller planned on another state than this one. */
export function assertUnmodified(digest: string, expected: unknown): void {
  if (typeof expected === 'string' && expected !== '' && expected !== digest) {
    throw new PveRefusal(500, 'detected modified configuration - file changed by other user? Try again.')
  }
}
