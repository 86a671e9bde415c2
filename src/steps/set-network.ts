import type { Want, WantedNet } from '../ladder/machine.ts'
import { parseNet, printNet, sameNet, type Net } from '../proxmox/net-string.ts'
import { configStep, type Values } from '../ladder/config-step.ts'

/** The MAC is always sent: PVE invents a new one for a net0 without (recording 20). */
export const setNetwork = configStep({
  name: 'set_network',
  rung: 'set_network',
  change(now, want) {
    const seen = now.net0 === undefined ? undefined : parseNet(now.net0)
    const wanted = wantedNet(want.net, seen, want.fresh)
    const set = seen && sameNet(seen, wanted) ? {} : { net0: printNet(wanted) }
    return { set, remove: want.fresh ? furtherNics(now).filter((key) => !isPutBack(key, now, want)) : [] }
  },
  subjects: (want) => [{ name: 'network card', want }],
})

/** NICs that only a template can have handed on: they lead to the network it was built in, unfiltered. */
export const furtherNics = (now: Values): string[] => Object.keys(now).filter((key) => /^net[1-9]\d*$/.test(key))

/** One of the former VM, which is there again. */
const isPutBack = (key: string, now: Values, { furtherCards = [] }: Want): boolean =>
  furtherCards.some((card) => card.key === key && sameNet(parseNet(card.value), parseNet(now[key] ?? '')))

/** What a guest of a template without NIC gets. */
const usualModel = 'virtio'

/** What we do not own of a NIC: `queues` of the template is kept, `link_down` is an admin's switch on a VM that is in use. `trunks` is never kept: it lets foreign VLANs through. */
function wantedNet(want: WantedNet, seen: Net | undefined, fresh: boolean): Net {
  const kept = [...(seen?.options ?? [])].filter(([key]) => key === 'queues' || (key === 'link_down' && !fresh))
  const model = want.model ?? seen?.model ?? usualModel
  const mtu = want.mtu === undefined ? seen?.options.get('mtu') : String(want.mtu)
  return {
    model,
    macAddress: want.macAddress,
    options: new Map([
      ['bridge', want.bridge],
      ...(want.firewall ? [['firewall', '1'] as const] : []),
      // PVE has it for virtio only.
      ...(mtu === undefined || mtu === '0' || model !== 'virtio' ? [] : [['mtu', mtu] as const]),
      ...(want.rateMBps === undefined ? [] : [['rate', String(want.rateMBps)] as const]),
      ...(want.vlan === undefined ? [] : [['tag', String(want.vlan)] as const]),
      ...kept,
    ]),
  }
}
