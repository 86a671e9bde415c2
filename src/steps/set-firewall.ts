import type { FirewallSeen, RuleOptions, SeenRule, WantedFirewall } from '../ladder/machine.ts'
import { missing, satisfied, type Step, type StepContext } from '../ladder/step.ts'
import { canonical } from '../ipam/address.ts'
import { done } from '../ladder/outcome.ts'
import type { FirewallWrite } from '../ladder/guest-writer.ts'
import { ruleName } from '../ladder/mark.ts'

/** The set that PVE applies to the outgoing source addresses of net0 as soon as it exists (pve-firewall, `ipfilter-net`). */
export const ipfilterSet = 'ipfilter-net0'

/** PVE drops /32 of IPv4 and /128 of IPv6 from entries and may spell IPv6 in its own way. */
const single = (entry: string) => canonical(entry.replace(entry.includes(':') ? /\/128$/ : /\/32$/, ''))
const sameAddress = (a: string, b: string) => single(a) === single(b)

/** The next write towards the wanted firewall, or undefined when nothing is missing. The set is filled before anything enables it. */
export function nextWrite(seen: FirewallSeen, want: WantedFirewall): FirewallWrite | undefined {
  const setWrite = want.leavesIpfilter ? undefined : nextSetWrite(seen.ipfilter, want.ipfilter)
  const ruleWrite = want.leavesRules ? undefined : nextRuleWrite(seen.rules, want.rules)
  return setWrite ?? ruleWrite ?? nextOptionsWrite(seen.options, want.options)
}

/** Compared as addresses, not as text; on a change the new one is added before the old one goes. */
function nextSetWrite(now: readonly string[] | undefined, want: readonly string[] | undefined): FirewallWrite | undefined {
  if (!want) return now && nextRemoval(now)
  if (!now) return { do: 'create-set' }
  const lacking = want.find((address) => !now.some((entry) => sameAddress(entry, address)))
  if (lacking) return { do: 'add-entry', address: lacking }
  const surplus = now.find((entry) => !want.some((address) => sameAddress(entry, address)))
  return surplus ? { do: 'remove-entry', entry: surplus } : undefined
}

const nextRemoval = ([entry]: readonly string[]): FirewallWrite => (entry ? { do: 'remove-entry', entry } : { do: 'delete-set' })

/**
 * Our rules form one ordered block on top. Missing ones are added last first, since PVE inserts at position 0 whatever `pos` says;
 * only then surplus ones go and strays are moved back, so that a change never opens a gap. Foreign rules keep their order.
 */
function nextRuleWrite(now: readonly SeenRule[], want: readonly RuleOptions[]): FirewallWrite | undefined {
  const exact = (rule: RuleOptions) => now.find((seen) => sameRule(seen.fields, rule))
  const lacking = want.findLast((rule) => !exact(rule))
  if (lacking) return { do: 'add-rule', rule: lacking }
  const keep = new Set(want.map((rule) => exact(rule)?.pos))
  const surplus = now.findLast((seen) => ruleName(seen.fields.comment) !== undefined && !keep.has(seen.pos))
  if (surplus) return { do: 'delete-rule', pos: surplus.pos, name: ruleName(surplus.fields.comment) ?? '' }
  const misplaced = want.findIndex((rule, index) => exact(rule)?.pos !== index)
  if (misplaced === -1) return undefined
  return { do: 'move-rule', from: exact(want[misplaced] as RuleOptions)?.pos ?? 0, to: misplaced }
}

const ruleFields = ['type', 'action', 'enable', 'macro', 'proto', 'sport', 'dport', 'source', 'dest', 'iface', 'log', 'comment'] as const

const sameRule = (seen: RuleOptions, want: RuleOptions) =>
  ruleFields.every((field) => normal(field, seen[field]) === normal(field, want[field]))

/** PVE stores macro names in their own spelling and leaves `log` out when it is nolog. */
function normal(field: string, value: string | undefined): string {
  if (field === 'macro') return (value ?? '').toLowerCase()
  if (field === 'log') return value === 'nolog' ? '' : (value ?? '')
  return (value ?? '').trim()
}

/** What an unset option means. `dhcp` is on unless 0, whatever the schema says (pve-firewall, `dhcp`). */
const optionDefaults: Readonly<Record<string, string>> = {
  enable: '0',
  policy_in: 'DROP',
  policy_out: 'ACCEPT',
  macfilter: '1',
  dhcp: '1',
  ndp: '1',
  radv: '0',
  ipfilter: '0',
}

function nextOptionsWrite(now: Readonly<Record<string, string>>, want: Readonly<Record<string, string>>): FirewallWrite | undefined {
  const changed = Object.entries(want).filter(([key, value]) => (now[key] ?? optionDefaults[key]) !== value)
  return changed.length === 0 ? undefined : { do: 'set-options', options: Object.fromEntries(changed) }
}

/** Positions are only those of the list that was read: PVE checks no empty digest, and would delete or move whatever stands there now. */
export const needsRulesDigest = (write: FirewallWrite) => write.do === 'move-rule' || write.do === 'delete-rule'

export const setFirewall: Step = {
  name: 'set_firewall',
  rung: 'set_firewall',
  needs: 'firewall',
  check(seen, want) {
    const write = seen.firewall && nextWrite(seen.firewall, want.firewall)
    if (!seen.firewall) return missing('the operator has not read the firewall yet')
    return write ? missing(describe(write)) : satisfied
  },
  async apply({ writer, seen, want }: StepContext) {
    const write = seen.firewall && nextWrite(seen.firewall, want.firewall)
    if (write) await writer.writeFirewall(write)
    return done
  },
}

/** As the step tells of an entry it removes. */
export const notAllowed = (entry: string): string => `${entry} is not one of the addresses the VM may use`

function describe(write: FirewallWrite): string {
  switch (write.do) {
    case 'create-set':
      return `ipset ${ipfilterSet} is missing`
    case 'delete-set':
      return `ipset ${ipfilterSet} is no longer needed`
    case 'add-entry':
      return `${write.address} is missing in the addresses the VM may use (ipset ${ipfilterSet})`
    case 'remove-entry':
      return `${notAllowed(write.entry)} (ipset ${ipfilterSet})`
    case 'add-rule':
      return `rule ${ruleName(write.rule.comment)} is missing`
    case 'delete-rule':
      return `firewall rule ${write.name} (position ${write.pos}) is not in the spec`
    case 'move-rule':
      return `the firewall rule at position ${write.from} belongs at position ${write.to}`
    case 'set-options':
      return `firewall options ${Object.entries(write.options)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')}`
  }
}

/**
 * What the firewall looks like after `write`, so that a birth needs one look: PVE answers these synchronously. Undefined: read it again,
 * because the next write carries the digest of a list that this one changed.
 */
export function afterWrite(seen: FirewallSeen, write: FirewallWrite): FirewallSeen | undefined {
  switch (write.do) {
    case 'create-set':
      return { ...seen, ipfilter: [] }
    case 'add-entry':
      return { ...seen, ipfilter: [...(seen.ipfilter ?? []), write.address] }
    case 'add-rule': {
      const { rulesDigest: _, ...rest } = seen
      return { ...rest, rules: [{ pos: 0, fields: write.rule }, ...seen.rules].map((rule, pos) => ({ ...rule, pos })) }
    }
    case 'set-options':
      return { ...seen, options: { ...seen.options, ...write.options } }
    case 'remove-entry':
    case 'delete-set':
    case 'delete-rule':
    case 'move-rule':
      return undefined
  }
}
