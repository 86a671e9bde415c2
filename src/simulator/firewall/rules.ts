import { paramError } from '../http/refusal.ts'
import type { FirewallFile, FirewallRule } from './file.ts'

/** Where a rule stands: this decides which types it may have and where names are looked up. */
export type RuleEnv = 'vm' | 'cluster' | 'group'

/** The files names are looked up in: the guest's own first, then the datacenter's. */
export interface RuleScope {
  env: RuleEnv
  cluster?: FirewallFile
  local?: FirewallFile
}

/** A rule as the API shows it. */
export interface ShownRule extends FirewallRule {
  ipversion?: 4 | 6
  errors?: Record<string, string>
}

const ruleProperties = [
  'type',
  'action',
  'enable',
  'macro',
  'iface',
  'source',
  'dest',
  'proto',
  'dport',
  'sport',
  'log',
  'icmp-type',
  'comment',
] as const
type RuleProperty = (typeof ruleProperties)[number]

const isRuleProperty = (name: string): name is RuleProperty => (ruleProperties as readonly string[]).includes(name)

/** Merges parameters into a rule; an empty value or `-` removes the property (pve-firewall copy_rule_data). */
export function mergeRule(rule: FirewallRule, params: Readonly<Record<string, unknown>>): FirewallRule {
  const merged: Record<string, unknown> = { ...rule }
  for (const key of ruleProperties) {
    const value = params[key]
    if (value === undefined) continue
    if (value === '' || value === '-') delete merged[key]
    else merged[key] = typeof value === 'number' && key !== 'enable' ? String(value) : value
  }
  return merged as unknown as FirewallRule
}

/** The `delete` parameter of a rule. */
export function withoutProperties(rule: FirewallRule, names: readonly string[]): FirewallRule {
  const rest: Record<string, unknown> = { ...rule }
  for (const name of names) {
    if (!isRuleProperty(name) && name !== 'pos' && name !== 'digest') throw paramError({ delete: `no such property ('${name}')` })
    if (name === 'type' || name === 'action') throw paramError({ delete: `unable to delete required property '${name}'` })
    delete rest[name]
  }
  return rest as unknown as FirewallRule
}

/** Moves the rule at `from` in front of the one that has the index `to` now; beyond the end appends. */
export function moved(rules: readonly FirewallRule[], from: number, to: number): FirewallRule[] {
  const rule = rules[from]
  if (rule === undefined || from === to) return [...rules]
  const next = rules.flatMap((other, index) => (index === from ? [] : index === to ? [rule, other] : [other]))
  return to >= rules.length ? [...next, rule] : next
}
