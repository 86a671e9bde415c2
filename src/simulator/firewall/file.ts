import { storedCidr } from './address.ts'

/** One rule as the file holds it. `enable` absent means 1: only a leading `|` disables a line. */
export interface FirewallRule {
  type: string
  action: string
  enable: number
  macro?: string
  iface?: string
  source?: string
  dest?: string
  proto?: string
  dport?: string
  sport?: string
  log?: string
  'icmp-type'?: string
  comment?: string
}

export interface FirewallAlias {
  /** As written; aliases are found by its lower case. */
  name: string
  cidr: string
  comment?: string
}

export interface IpsetEntry {
  cidr: string
  nomatch?: number
  comment?: string
}

export interface Ipset {
  comment?: string
  entries: IpsetEntry[]
}

export interface SecurityGroup {
  comment?: string
  rules: FirewallRule[]
}

/**
 * The content of /etc/pve/firewall/VMID.fw or cluster.fw. It exists apart from the guest: nothing checks that a VM of that number
 * is there, a clone replaces the file, destroying a VM removes it.
 */
export interface FirewallFile {
  options: Record<string, string | number>
  /** By lower-cased name. */
  aliases: Record<string, FirewallAlias>
  /** By name. */
  ipsets: Record<string, Ipset>
  rules: FirewallRule[]
  /** Security groups by name; only in cluster.fw. */
  groups: Record<string, SecurityGroup>
}

export function emptyFirewall(): FirewallFile {
  return { options: {}, aliases: {}, ipsets: {}, rules: [], groups: {} }
}

export function copyFirewall(file: FirewallFile): FirewallFile {
  return structuredClone(file)
}

/** Whether saving it would leave no file behind. */
export function isEmptyFirewall(file: FirewallFile): boolean {
  const parts = [file.options, file.aliases, file.ipsets, file.rules, file.groups]
  return parts.every((part) => Object.keys(part).length === 0)
}

/** A comment is the rest of a line: what follows a line break is lost (recording 34). */
function storedComment(comment: string | undefined): { comment?: string } {
  const line = (comment ?? '').split('\n')[0]?.trim() ?? ''
  return line === '' || line === '0' ? {} : { comment: line }
}

/** What PVE writes only when it is true to Perl: a port or a protocol 0 is taken and is not there afterwards. */
const writtenIfTrue = ['macro', 'iface', 'source', 'dest', 'proto', 'dport', 'sport', 'log'] as const

function storedRule(rule: FirewallRule): FirewallRule {
  const { comment, enable, ...rest } = rule
  for (const key of writtenIfTrue) if (rest[key] === '0') delete rest[key]
  const stored: FirewallRule = { ...rest, enable: enable === 0 ? 0 : 1, ...storedComment(comment) }
  if (rule.type !== 'group') return stored
  const { type, action, iface } = rule
  return { type, action, enable: stored.enable, ...(iface === undefined ? {} : { iface }), ...storedComment(comment) }
}

function storedIpset(set: Ipset): Ipset {
  const byCidr = new Map<string, IpsetEntry>()
  for (const entry of set.entries) if (!byCidr.has(entry.cidr)) byCidr.set(entry.cidr, entry)
  const entries = [...byCidr.keys()].toSorted().map((key) => {
    const entry = byCidr.get(key)
    const cidr = storedCidr(key)?.cidr ?? key
    return { cidr, ...(entry?.nomatch ? { nomatch: 1 } : {}), ...storedComment(entry?.comment) }
  })
  return { ...storedComment(set.comment), entries }
}

function mapValues<T>(record: Record<string, T>, change: (value: T, key: string) => [string, T]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => change(value, key)))
}

/**
 * What is read back after a save: PVE writes text and parses it again, which sorts sets by their text, drops `/32` and `/128`,
 * lower-cases the names of sets and groups, makes `enable` 0 or 1 and cuts comments at their first line.
 */
export function reread(file: FirewallFile): FirewallFile {
  return {
    options: { ...file.options },
    aliases: mapValues(file.aliases, (alias) => {
      const { name, comment } = alias
      return [name.toLowerCase(), { name, cidr: storedCidr(alias.cidr)?.cidr ?? alias.cidr, ...storedComment(comment) }]
    }),
    ipsets: mapValues(file.ipsets, (set, name) => [name.toLowerCase(), storedIpset(set)]),
    rules: file.rules.map(storedRule),
    groups: mapValues(file.groups, (group, name) => [
      name.toLowerCase(),
      { ...storedComment(group.comment), rules: group.rules.map((rule) => storedRule(withoutIface(rule))) },
    ]),
  }
}

function withoutIface(rule: FirewallRule): FirewallRule {
  const { iface: _, ...rest } = rule
  return rest
}
