/** A VM whose network card somebody disconnected in PVE (`link_down`): it runs, and nobody can reach it. */
import { conditionOf } from '../api/condition.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { parseNet } from '../proxmox/net-string.ts'
import type { Values } from '../ladder/config-step.ts'

/** No listing shows that the card is connected again. */
export const linkDownLookMs = 60_000

export const hasLinkDown = ({ net0 }: Values): boolean => net0 !== undefined && parseNet(net0).options.get('link_down') === '1'

export const linkDownSentence = ({ vmid, node }: Pick<ProxmoxVMStatus, 'vmid' | 'node'>): string =>
  `The network card of VM ${vmid} on ${node} is disconnected in PVE (net0 has link_down=1), so nobody can reach the VM; the operator leaves it so. To connect it, an admin clears Disconnect at Hardware, Network Device, in the web interface.`

/** What was said of the card when it was looked at last. Undefined: it is connected. */
export function saidLinkDown({ conditions }: Pick<ProxmoxVMStatus, 'conditions'>): string | undefined {
  const said = conditionOf(conditions, 'NetworkConfigured')
  return said?.reason === 'LinkDown' ? said.message : undefined
}
