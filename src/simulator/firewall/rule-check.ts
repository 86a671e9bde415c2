import { paramError, PveRefusal } from '../http/refusal.ts'
import type { FirewallRule } from './file.ts'
import { checkProtocol, FormatFault, namePattern, parseAddressList, parsePorts } from './formats.ts'
import { macroRules, preferredMacro } from './macros.ts'
import { icmpTypes, icmpv6Types, protocolsWithPorts } from './names.ts'
import type { RuleEnv, RuleScope, ShownRule } from './rules.ts'

const ruleTypes: Record<RuleEnv, readonly string[]> = {
  vm: ['in', 'out', 'group'],
  cluster: ['in', 'out', 'forward', 'group'],
  group: ['in', 'out', 'forward'],
}

/** The checks of pve-firewall verify_rule, in its order. `report` is told each fault; it may throw. */
class RuleCheck {
  readonly rule: ShownRule
  readonly scope: RuleScope
  readonly report: (property: string, text: string) => void
  version: 4 | 6 | undefined

  constructor(rule: ShownRule, scope: RuleScope, report: (property: string, text: string) => void) {
    this.rule = rule
    this.scope = scope
    this.report = report
  }

  run(): void {
    this.#typeAndAction()
    this.#interfaceAndMacro()
    const isIcmp = this.#protocol()
    this.#ports('dport', isIcmp)
    this.#icmpType(isIcmp)
    this.#ports('sport', false)
    this.#addresses('source')
    this.#addresses('dest')
  }

  #attempt(property: string, check: () => void): void {
    try {
      check()
    } catch (fault) {
      if (!(fault instanceof FormatFault)) throw fault
      this.report(property, fault.message)
    }
  }

  #setVersion(version: 4 | 6 | undefined): void {
    if (version === undefined) return
    if (this.version !== undefined && this.version !== version) throw new FormatFault('detected mixed ipv4/ipv6 addresses in rule')
    this.version = version
  }

  #typeAndAction(): void {
    const { type, action } = this.rule
    const { env } = this.scope
    if (!type) this.report('type', 'missing property')
    if (!action) this.report('action', 'missing property')
    if (!type) return
    if (!ruleTypes[env].includes(type)) this.report('type', `invalid rule type '${type}' for rule_env '${env}'`)
    if (type === 'group') {
      if (env === 'group') this.report('type', 'security groups not allowed')
      if (!new RegExp(`^${namePattern}$`).test(action)) this.report('action', 'invalid characters in security group name')
      return
    }
    if (type === 'forward' && action === 'REJECT') this.report('action', 'cannot define REJECT rules on forward chain')
    if (!/^(ACCEPT|DROP|REJECT)$/.test(action)) this.report('action', `unknown action '${action}'`)
  }

  #interfaceAndMacro(): void {
    const { iface, macro } = this.rule
    if (iface) {
      if (this.scope.env === 'group') this.report('type', 'parameter -i not allowed for this rule type')
      if (this.scope.env === 'vm' && !/^net(\d+)$/.test(iface)) {
        this.report('iface', "value does not match the regex pattern 'net\\d+'")
      }
    }
    if (!macro) return
    const preferred = preferredMacro(macro)
    if (preferred === undefined) this.report('macro', `unknown macro '${macro}'`)
    else this.rule.macro = preferred
  }

  #protocol(): boolean {
    const { proto } = this.rule
    if (!proto) return false
    this.#attempt('proto', () => checkProtocol(proto))
    if (proto === 'icmp') this.#setVersion(4)
    if (proto === 'icmpv6' || proto === 'ipv6-icmp') this.#setVersion(6)
    return ['icmp', 'icmpv6', 'ipv6-icmp'].includes(proto)
  }

  #ports(property: 'dport' | 'sport', isIcmp: boolean): void {
    const { proto } = this.rule
    const value = this.rule[property]
    if (!value) return
    this.#attempt(property, () => parsePorts(value, isIcmp))
    if (!proto) this.report('proto', `missing property - '${property}' requires this property`)
    if (!protocolsWithPorts.has(proto ?? '') && !isIcmp) this.report(property, `protocol '${proto ?? ''}' does not support ports`)
  }

  #icmpType(isIcmp: boolean): void {
    const { proto, dport } = this.rule
    const type = this.rule['icmp-type']
    if (!type) return
    if (!isIcmp) this.report('proto', "missing property - 'icmp-type' requires this property")
    if (dport) this.report('icmp-type', "'icmp-type' cannot be specified together with 'dport'")
    const known = proto === 'icmp' ? icmpTypes : icmpv6Types
    if (isIcmp && !known.has(type)) this.report('icmp-type', `invalid icmp-type '${type}' for proto '${proto ?? ''}'`)
  }

  #addresses(property: 'source' | 'dest'): void {
    const value = this.rule[property]
    if (!value) return
    this.#attempt(property, () => this.#setVersion(parseAddressList(value)))
    this.#names(property, value)
  }

  #names(property: string, value: string): void {
    const { cluster, local } = this.scope
    if (value.startsWith('+')) {
      const name = new RegExp(`^\\+(?:guest/|dc/|sdn/)?(${namePattern})$`).exec(value)?.[1]
      if (name === undefined) this.report(property, `invalid ipset name '${value}'`)
      else if (cluster?.ipsets[name] === undefined && local?.ipsets[name] === undefined) this.report(property, `no such ipset '${name}'`)
      return
    }
    const match = new RegExp(`^(guest/|dc/)?(${namePattern})$`).exec(value)
    if (match === null) return
    const alias = (match[2] ?? '').toLowerCase()
    const here = local?.aliases[alias]
    const there = cluster?.aliases[alias]
    if (here === undefined && there === undefined) this.report(property, `no such alias '${value}'`)
    const chosen = (match[1] === 'dc/' ? undefined : here) ?? (match[1] === 'guest/' ? undefined : there)
    if (chosen !== undefined) this.#setVersion(chosen.cidr.includes(':') ? 6 : 4)
  }
}

/** What the rule would expand to contradicts what it says itself, or undefined (pve-firewall apply_macro). */
function macroConflict(rule: ShownRule, version: 4 | 6 | undefined): [string, string] | undefined {
  const given: Record<string, unknown> = { ...rule }
  for (const template of macroRules(rule.macro ?? '', version)) {
    for (const [key, value] of Object.entries(template)) {
      if (given[key] !== undefined && given[key] !== value) return [key, `parameter '${key}' already define in macro (value = '${value}')`]
    }
  }
  return undefined
}

/** Checks a rule before it is stored: 400 with the property's text, macro names in their own spelling. */
export function checkedRule(rule: FirewallRule, scope: RuleScope): FirewallRule {
  const copy = { ...rule }
  const check = new RuleCheck(copy, scope, (property, text) => {
    throw paramError({ [property]: text })
  })
  try {
    check.run()
  } catch (fault) {
    throw fault instanceof FormatFault ? new PveRefusal(500, fault.message) : fault
  }
  const conflict = copy.macro === undefined ? undefined : macroConflict(copy, check.version)
  if (conflict !== undefined) throw paramError({ [conflict[0]]: conflict[1] })
  return copy
}

/** A stored rule as it is shown: with the IP version its addresses settle and what is wrong with it by now. */
export function shownRule(rule: FirewallRule, scope: RuleScope): ShownRule {
  const shown: ShownRule = { ...rule }
  const errors: Record<string, string> = {}
  const check = new RuleCheck(shown, scope, (property, text) => {
    errors[property] ??= text
  })
  try {
    check.run()
  } catch (fault) {
    if (!(fault instanceof FormatFault)) throw fault
  }
  if (check.version !== undefined) shown.ipversion = check.version
  if (Object.keys(errors).length > 0) shown.errors = errors
  return shown
}
