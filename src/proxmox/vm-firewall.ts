import type { Proxmox } from 'proxmox-api'
import { type At, aliasesOf, type FirewallAlias, type FirewallRules, firewallRulesOf, type IpsetEntry, ipsetOf } from './answers.ts'
import { rowOf, rowsOf, text } from './fields.ts'

/** Options that are set; absent ones have PVE's defaults: enable 0, policy_in DROP, policy_out ACCEPT, macfilter 1, dhcp 1 in effect. */
export type FirewallOptions = Readonly<Record<string, string | number>>

/** A rule to add. PVE stores a rule without `enable` as disabled, so it is not optional here. */
export interface NewRule {
  type: 'in' | 'out' | 'group'
  action: string
  enable: 0 | 1
  macro?: string
  proto?: string
  'icmp-type'?: string
  source?: string
  dest?: string
  sport?: string
  dport?: string
  iface?: string
  log?: 'emerg' | 'alert' | 'crit' | 'err' | 'warning' | 'notice' | 'info' | 'debug' | 'nolog'
  comment?: string
}

type Calls = ReturnType<ReturnType<Proxmox.Api['nodes']['$']>['qemu']['$']>['firewall']

/**
 * Firewall of one guest. It answers for guests that do not exist and creates their file (recording 33): never ask here whether
 * a VM exists, and never write after it was destroyed. Writes take a cluster-wide lock per guest, so send them one after another.
 */
export class VmFirewall {
  readonly #calls: Calls

  constructor(api: Proxmox.Api, at: At) {
    this.#calls = api.nodes.$(at.node).qemu.$(at.vmid).firewall
  }

  async options(): Promise<FirewallOptions> {
    const entries = Object.entries(rowOf(await this.#calls.options.$get()))
    return Object.fromEntries(entries.filter((entry): entry is [string, string | number] => ['string', 'number'].includes(typeof entry[1])))
  }

  /** Merges; what is not named stays. `digest` is the one of `options()`. */
  async setOptions(set: Readonly<Record<string, string | number>>, o: { remove?: readonly string[]; digest?: string } = {}): Promise<void> {
    await this.#calls.options.$put({
      ...set,
      ...(o.remove !== undefined && o.remove.length > 0 && { delete: o.remove.join(',') }),
      ...(o.digest !== undefined && { digest: o.digest }),
    })
  }

  async rules(): Promise<FirewallRules> {
    return firewallRulesOf(await this.#calls.rules.$get())
  }

  /** PVE inserts at position 0 whatever `pos` says, and gives no id back (recording 34): add the last one first. Not repeatable. */
  async addRule(rule: NewRule): Promise<void> {
    await this.#calls.rules.$post({ ...rule })
  }

  /** Before the rule that stands at `to` now; `to` = length appends. */
  async moveRule(pos: number, to: number, digest: string): Promise<void> {
    await this.#calls.rules.$(String(pos)).$put({ moveto: to, digest })
  }

  async deleteRule(pos: number, digest: string): Promise<void> {
    await this.#calls.rules.$(String(pos)).$delete({ digest })
  }

  /** The sets, without their entries. */
  async ipsets(): Promise<{ name: string; comment?: string }[]> {
    return rowsOf(await this.#calls.ipset.$get()).map((row) => {
      const comment = text(row, 'comment')
      return { name: text(row, 'name') ?? '', ...(comment !== undefined && { comment }) }
    })
  }

  async aliases(): Promise<FirewallAlias[]> {
    return aliasesOf(await this.#calls.aliases.$get())
  }

  async addAlias({ name, cidr, comment }: FirewallAlias): Promise<void> {
    await this.#calls.aliases.$post({ name, cidr, ...(comment !== undefined && { comment }) })
  }

  async ipset(name: string): Promise<IpsetEntry[]> {
    return ipsetOf(await this.#calls.ipset.$(name).$get())
  }

  async createIpset(name: string, comment?: string): Promise<void> {
    await this.#calls.ipset.$post({ name, ...(comment !== undefined && { comment }) })
  }

  async addToIpset(name: string, { cidr, nomatch = false, comment }: { cidr: string; nomatch?: boolean; comment?: string }): Promise<void> {
    await this.#calls.ipset.$(name).$post({ cidr, ...(nomatch && { nomatch }), ...(comment !== undefined && { comment }) })
  }

  /** `cidr` as PVE lists it. A missing one is no error. */
  async removeFromIpset(name: string, cidr: string): Promise<void> {
    await this.#calls.ipset.$(name).$(cidr).$delete()
  }

  /** It must be empty. */
  async deleteIpset(name: string): Promise<void> {
    await this.#calls.ipset.$(name).$delete()
  }
}
