// What people put into the firewall of a VM, and the pools they put the VM into: compared whenever the VM is at rest.
import type { Account } from '../ledger.ts'
import type { Scene } from '../scene.ts'
import type { Verdicts } from './verdicts.ts'

/** What is no longer there of it, as phrases. */
export function lostEntries({ world }: Scene, { own, vmid = 0 }: Account): string[] {
  const { firewall, access } = world.simulator.world
  const file = firewall.get(vmid)
  return [
    ...[...own.rules].filter((comment) => !file?.rules.some((rule) => rule.comment === comment)).map((comment) => `the rule ${comment}`),
    ...[...own.aliases].filter((alias) => file?.aliases[alias] === undefined).map((alias) => `the alias ${alias}`),
    ...[...own.sets]
      .filter((set) => !file?.ipsets[set]?.entries.some(({ cidr }) => cidr === '192.0.2.9'))
      .map((set) => `the set ${set} or its entry`),
    ...[...own.pools].filter((pool) => !access.pools.get(pool)?.vms.has(vmid)).map((pool) => `the place in pool ${pool}`),
  ]
}

export const tellLost = (verdicts: Verdicts, { name, vmid }: Account, what: string): void =>
  verdicts.broken('possessionsStay', `${name} ${what}`, `${what} of ${name} (VMID ${vmid}) is gone`)
