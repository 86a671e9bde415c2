/** What people had put into the firewall of a VM that was made again: added to the new one, below our block. */
import type { FirewallSeen, ForeignFirewall, RuleOptions } from '../ladder/machine.ts'
import { done } from '../ladder/outcome.ts'
import { missing, satisfied, type Step } from '../ladder/step.ts'
import type { PutBack } from '../ladder/guest-writer.ts'
import { ruleName } from '../ladder/mark.ts'

/** Names and sets before the rules that use them. A missing rule is added last first, since PVE inserts at position 0; ours come on top later. */
export function nextPutBack(now: ForeignFirewall, want: ForeignFirewall): PutBack | undefined {
  const alias = want.aliases.find(({ name }) => !now.aliases.some((other) => isSameName(other.name, name)))
  if (alias) return { put: 'alias', alias }
  for (const { entries, ...set } of want.sets) {
    const found = now.sets.find(({ name }) => name === set.name)
    if (!found) return { put: 'set', ...set }
    const entry = entries.find(({ cidr }) => !found.entries.some((other) => other.cidr === cidr))
    if (entry) return { put: 'entry', set: set.name, entry }
  }
  const rule = lastMissing(now.rules, want.rules)
  return rule && { put: 'rule', rule }
}

/** PVE compares names of aliases without regard to case. */
const isSameName = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

/** Two equal rules are two rules. */
function lastMissing(now: readonly RuleOptions[], want: readonly RuleOptions[]): RuleOptions | undefined {
  const left = now.map(keyOf)
  return want.findLast((rule) => {
    const at = left.lastIndexOf(keyOf(rule))
    if (at !== -1) left.splice(at, 1)
    return at === -1
  })
}

const keyOf = (rule: RuleOptions) => JSON.stringify(Object.entries(rule).toSorted(([a], [b]) => a.localeCompare(b)))

/** People's own rules: those without our mark. */
export const foreignRules = ({ rules }: Pick<FirewallSeen, 'rules'>): RuleOptions[] =>
  rules.map(({ fields }) => fields).filter(({ comment }) => ruleName(comment) === undefined)

export const putBackFirewall: Step = {
  name: 'put_back_firewall',
  rung: 'set_firewall',
  needs: 'foreign-firewall',
  check({ foreignFirewall }, want) {
    const next = foreignFirewall && want.foreignFirewall && nextPutBack(foreignFirewall, want.foreignFirewall)
    return next ? missing(described(next)) : satisfied
  },
  async apply({ writer, seen: { foreignFirewall }, want }) {
    const next = foreignFirewall && want.foreignFirewall && nextPutBack(foreignFirewall, want.foreignFirewall)
    if (next) await writer.putBack(next)
    return done
  },
}

/** As a sentence for history: what the VM had before and lacks now. */
export function described(entry: PutBack): string {
  switch (entry.put) {
    case 'alias':
      return `firewall alias ${entry.alias.name} of the former VM is missing`
    case 'set':
      return `IP set ${entry.name} of the former VM is missing`
    case 'entry':
      return `${entry.entry.cidr} in IP set ${entry.set} of the former VM is missing`
    case 'network card':
      return `network card ${entry.card.key} of the former VM is missing`
    case 'rule': {
      const { type, action, macro, dport, source, comment } = entry.rule
      const words = [type, action, macro, dport && `port ${dport}`, source && `from ${source}`, comment && `(${comment})`]
      return `firewall rule ${words.filter(Boolean).join(' ')} of the former VM is missing`
    }
  }
}
