import type { Package } from '../api/package.ts'
import type { RuleOptions, WantedFirewall } from '../ladder/machine.ts'
import { ruleMarker } from '../ladder/mark.ts'

type Firewall = NonNullable<Package['firewall']>
type Rule = NonNullable<Firewall['rules']>[number]

export function wantedFirewall(firewall: Firewall | undefined, addresses: readonly string[]): WantedFirewall {
  return {
    options: {
      enable: firewall?.enabled ? '1' : '0',
      policy_in: firewall?.policyIn ?? 'DROP',
      policy_out: firewall?.policyOut ?? 'ACCEPT',
      macfilter: firewall?.macFilter === false ? '0' : '1',
      // Set explicitly because a template's file is copied with the clone. `ipfilter` without a set of ours would drop all IPv4.
      dhcp: '1',
      ndp: '1',
      radv: '0',
      ipfilter: '0',
    },
    rules: (firewall?.rules ?? []).filter((rule) => rule.enabled !== false).map(wantedRule),
    ...(firewall?.antiSpoofing && addresses.length > 0 && { ipfilter: addresses }),
  }
}

function wantedRule(rule: Rule): RuleOptions {
  return {
    type: rule.direction,
    action: rule.action,
    // PVE stores a rule without `enable` as disabled.
    enable: '1',
    ...(rule.macro && { macro: rule.macro }),
    ...(rule.protocol && { proto: rule.protocol }),
    ...(rule.sourcePorts && { sport: rule.sourcePorts }),
    ...(rule.destinationPorts && { dport: rule.destinationPorts }),
    ...(rule.source && { source: rule.source }),
    ...(rule.destination && { dest: rule.destination }),
    ...(rule.log && { log: rule.log }),
    comment: `${ruleMarker}${rule.name}${rule.comment ? ` ${rule.comment}` : ''}`,
  }
}
