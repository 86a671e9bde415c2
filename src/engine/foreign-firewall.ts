/** People's own entries in the firewall of a VM, read from PVE. */
import type { FirewallSeen, ForeignFirewall } from '../ladder/machine.ts'
import type { VmFirewall } from '../proxmox/vm-firewall.ts'
import { foreignRules } from '../steps/put-back-firewall.ts'
import { ipfilterSet } from '../steps/set-firewall.ts'

/** Two requests and one for each set. */
export async function readForeignFirewall(firewall: VmFirewall, { rules }: Pick<FirewallSeen, 'rules'>): Promise<ForeignFirewall> {
  const aliases = await firewall.aliases()
  const sets: ForeignFirewall['sets'][number][] = []
  for (const set of await firewall.ipsets()) {
    if (set.name === ipfilterSet) continue
    const entries = await firewall.ipset(set.name)
    sets.push({ ...set, entries: entries.map(({ nomatch, ...entry }) => ({ ...entry, ...(nomatch && { nomatch }) })) })
  }
  return { rules: foreignRules({ rules }), aliases, sets }
}
