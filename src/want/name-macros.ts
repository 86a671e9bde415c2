/** The macros of `naming` (hostname, vmName). */
import { clientIdLabel, serviceIdLabel } from '../api/group.ts'
import { isTextInYaml } from '../api/yaml-text.ts'

export interface MacroSource {
  readonly namespace: string
  readonly name: string
  readonly vmid: number
  readonly labels: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** A number in [0, 1). */
  readonly random: () => number
}

export type ExpandedName = { readonly is: 'named'; readonly value: string } | { readonly is: 'invalid'; readonly why: string }

const letters = 'abcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
const hostName = new RegExp(`^${label}(\\.${label})*$`)

/** Replaces every macro of `pattern` and checks that the result is a host name (RFC 1123, at most 253 characters). */
export function expandName(pattern: string, source: MacroSource): ExpandedName {
  const faults: string[] = []
  const value = pattern.replace(/\{([^{}]*)\}/g, (whole, macro: string) => {
    const replaced = expandMacro(macro, source)
    if (replaced.is === 'named') return replaced.value
    faults.push(replaced.why)
    return whole
  })
  if (faults.length > 0) return { is: 'invalid', why: faults.join('; ') }
  const lower = value.toLowerCase()
  if (lower.length > 253 || !hostName.test(lower))
    return { is: 'invalid', why: `"${value}" (from "${pattern}") is not a valid host name: use letters, digits, "-" and "."` }
  if (!isTextInYaml(lower))
    return {
      is: 'invalid',
      why: `cloud-init reads "${lower}" (from "${pattern}") as a number, date or word: put letters in front, such as vm-${lower}`,
    }
  return { is: 'named', value: lower }
}

function expandMacro(macro: string, source: MacroSource): ExpandedName {
  const random = /^(random|random_digit_|random_letter_)(\d{1,2})$/.exec(macro)
  if (random) return { is: 'named', value: randomText(alphabets[random[1] as keyof typeof alphabets], Number(random[2]), source.random) }
  if (macro === 'client_id') return fromLabel(source, clientIdLabel, macro)
  if (macro === 'service_id') return fromLabel(source, serviceIdLabel, macro)
  const value = plainMacros(source).get(macro)
  if (value !== undefined) return { is: 'named', value }
  return { is: 'invalid', why: `unknown macro {${macro}}` }
}

const alphabets = { random: letters + digits, random_digit_: digits, random_letter_: letters }

function randomText(alphabet: string, length: number, random: () => number): string {
  return Array.from({ length }, () => alphabet.charAt(Math.floor(random() * alphabet.length))).join('')
}

function fromLabel(source: MacroSource, key: string, macro: string): ExpandedName {
  const value = source.labels[key]
  return value ? { is: 'named', value } : { is: 'invalid', why: `{${macro}} needs the label ${key} on the object; add the label` }
}

function plainMacros(source: MacroSource): ReadonlyMap<string, string> {
  const now = new Date(source.nowMs)
  const two = (n: number) => String(n).padStart(2, '0')
  return new Map([
    ['namespace', source.namespace],
    ['name', source.name],
    ['vmid', String(source.vmid)],
    ['unixtime', String(Math.floor(source.nowMs / 1000))],
    ['year', String(now.getUTCFullYear())],
    ['month', two(now.getUTCMonth() + 1)],
    ['day', two(now.getUTCDate())],
    ['hour', two(now.getUTCHours())],
    ['minute', two(now.getUTCMinutes())],
    ['second', two(now.getUTCSeconds())],
  ])
}
