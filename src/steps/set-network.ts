import type { WantedNet } from '../ladder/machine.ts'
import { parseNet, printNet, sameNet, type Net } from '../proxmox/net-string.ts'
import { configStep } from '../ladder/config-step.ts'
import { emptyPatch } from '../ladder/guest-writer.ts'

/** The MAC is always sent: PVE invents a new one for a net0 without (recording 20). */
export const setNetwork = configStep({
  name: 'set_network',
  rung: 'set_network',
  change(now, want) {
    const seen = now.net0 === undefined ? undefined : parseNet(now.net0)
    const wanted = wantedNet(want.net, seen, want.fresh)
    return seen && sameNet(seen, wanted) ? emptyPatch : { set: { net0: printNet(wanted) }, remove: [] }
  },
})

/** What we do not own of a NIC: `queues` of the template is kept, `link_down` is an admin's switch on a VM that is in use. `trunks` is never kept: it lets foreign VLANs through. */
function wantedNet(want: WantedNet, seen: Net | undefined, fresh: boolean): Net {
  const kept = [...(seen?.options ?? [])].filter(([key]) => key === 'queues' || (key === 'link_down' && !fresh))
  return {
    model: want.model,
    macAddress: want.macAddress,
    options: new Map([
      ['bridge', want.bridge],
      ...(want.firewall ? [['firewall', '1'] as const] : []),
      ...(want.mtu === undefined ? [] : [['mtu', String(want.mtu)] as const]),
      ...(want.rateMBps === undefined ? [] : [['rate', String(want.rateMBps)] as const]),
      ...(want.vlan === undefined ? [] : [['tag', String(want.vlan)] as const]),
      ...kept,
    ]),
  }
}
