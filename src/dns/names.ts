import { domainToASCII } from 'node:url'

/**
 * Names in their one form: lower case, ASCII (IDN as A-labels), no final dot. Everything in this room compares names as plain text,
 * so nothing may enter it in another form.
 */
export type Name = string

export type ParsedName = { readonly is: 'name'; readonly name: Name } | { readonly is: 'refused'; readonly why: string }

const refused = (why: string): ParsedName => ({ is: 'refused', why })

/** RFC 1035 2.3.4: 255 octets on the wire, which is 253 characters of text; 63 octets a label. */
export const longestName = 253
export const longestLabel = 63

/** The full stops of RFC 3490 3.1 that people type in IDN are dots as well. */
const otherDots = /[\u3002\uff0e\uff61]/gu
/** Letters, marks, numbers, the two joiners some scripts need, dots and hyphens. */
const writable = /^(?:[\p{L}\p{M}\p{N}.-]|\u200c|\u200d)+$/u
const hostLabel = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

function tidy(text: string): string {
  const dotted = text.replace(otherDots, '.').toLowerCase()
  return dotted.endsWith('.') ? dotted.slice(0, -1) : dotted
}

function lengths(name: string): string | undefined {
  if (name.length > longestName) return `"${name.slice(0, 40)}…" has ${name.length} characters; the limit is ${longestName}`
  const long = name.split('.').find((label) => label.length > longestLabel)
  return long === undefined ? undefined : `"${long}" has ${long.length} characters; the limit for a label is ${longestLabel}`
}

/**
 * A host name as RFC 1123 2.1 has it: letters, digits and hyphens (so no underscore), no wildcard, at most 63 characters a label and 253 in
 * all. IDN in, A-labels out. A name whose last label is a number is refused: it reads as an address.
 */
export function hostName(text: string): ParsedName {
  const typed = tidy(text.normalize('NFC'))
  if (typed === '') return refused('the name is empty')
  if (typed.includes('*')) return refused(`"${text}" is a wildcard; a VM has a name of its own`)
  if (typed.includes('_')) return refused(`"${text}" has an underscore; host names have letters, digits and hyphens`)
  if (!writable.test(typed)) return refused(`"${text}" is not a valid host name; write letters, digits, hyphens and dots`)
  // domainToASCII reads a host as URLs do ("1.2.3" becomes 1.2.0.3), so plain ASCII never goes through it.
  const ascii = /^[\x20-\x7e]*$/.test(typed) ? typed : domainToASCII(typed)
  if (ascii === '') return refused(`"${text}" has no form in ASCII (IDNA refuses it)`)
  const long = lengths(ascii)
  if (long !== undefined) return refused(long)
  const labels = ascii.split('.')
  const bad = labels.find((label) => !hostLabel.test(label))
  if (bad !== undefined) return refused(`"${text}" has the label "${bad}"; a label has letters, digits and hyphens, no hyphen at its ends`)
  if (/^\d+$/.test(labels.at(-1) ?? '')) return refused(`"${text}" ends in a number and reads as an address`)
  return { is: 'name', name: ascii }
}

/** A name as a server spells it (`Web1.Example.COM.`), in our form. It is not judged: servers hold names that no host may have. */
export const fromServer = (text: string): Name => tidy(text)

/** Whether the name is the zone's own name or below it; by whole labels, so `badexample.com` is not in `example.com`. */
export const isWithin = (name: Name, zone: Name): boolean => name === zone || name.endsWith(`.${zone}`)
