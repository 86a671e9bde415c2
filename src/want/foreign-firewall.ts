/** People's own entries of a VM, as a status keeps them while the VM is made again. */
import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { PutBack } from '../ladder/guest-writer.ts'
import type { ForeignFirewall, RuleOptions } from '../ladder/machine.ts'

type Possessions = NonNullable<ProxmoxVMStatus['possessions']>
type PossessedRule = NonNullable<Possessions['rules']>[number]

/** How a status spells a rule: its only key with a hyphen is no name of a field there. */
export const toPossessed = ({ 'icmp-type': icmpType, ...rule }: RuleOptions): PossessedRule =>
  ({ ...rule, ...(icmpType !== undefined && { icmpType }) }) as PossessedRule

const fromPossessed = ({ icmpType, ...rule }: PossessedRule): RuleOptions => ({
  ...rule,
  ...(icmpType !== undefined && { 'icmp-type': icmpType }),
})

export const foreignFirewallOf = ({ rules = [], aliases = [], sets = [] }: Possessions): ForeignFirewall => ({
  rules: rules.map(fromPossessed),
  aliases,
  sets,
})

/** Without an entry that PVE refuses to take back. */
export const withoutPossession =
  (entry: PutBack) =>
  (status: ProxmoxVMStatus): ProxmoxVMStatus => {
    const { possessions } = status
    if (!possessions) return status
    const text = (value: unknown) => JSON.stringify(value)
    const rules = (possessions.rules ?? []).filter((rule) => entry.put !== 'rule' || text(rule) !== text(toPossessed(entry.rule)))
    const aliases = (possessions.aliases ?? []).filter((alias) => entry.put !== 'alias' || alias.name !== entry.alias.name)
    const sets = (possessions.sets ?? [])
      .filter((set) => entry.put !== 'set' || set.name !== entry.name)
      .map((set) => {
        if (entry.put !== 'entry' || set.name !== entry.set) return set
        return { ...set, entries: set.entries.filter(({ cidr }) => cidr !== entry.entry.cidr) }
      })
    const cards = possessions.networkCards?.filter(({ key }) => entry.put !== 'network card' || key !== entry.card.key)
    return { ...status, possessions: { ...possessions, rules, aliases, sets, ...(cards && { networkCards: cards }) } }
  }
