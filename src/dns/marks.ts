import { longestName, type Name } from './names.ts'

export type RecordType = 'A' | 'AAAA' | 'PTR'

/**
 * The mark says which VM a record belongs to. It names the uid only: DNS is public, and names of namespaces and objects are not.
 * 54 characters, so it fits a Cloudflare comment (100 on the free plan) and one TXT string (255).
 */
const opening = 'pve.hosting/owner uid='

export const dnsMarkOf = (uid: string): string => `${opening}${uid}`

/** The uid a text names when it is one of our marks; undefined for everybody else's texts. */
export const ownerIn = (text: string): string | undefined => (text.startsWith(opening) ? text.slice(opening.length) : undefined)

/**
 * Where the TXT that marks a record is. One for each name and type: if one mark stood for a whole name, an A record a stranger puts beside
 * our AAAA would pass for ours.
 */
export const markName = (record: { readonly name: Name; readonly type: RecordType }): Name =>
  `_pve-${record.type.toLowerCase()}.${record.name}`

/** False when the mark's own name would be longer than a name may be: such a record cannot be marked by a TXT. */
export const markFits = (record: { readonly name: Name; readonly type: RecordType }): boolean => markName(record).length <= longestName
