/** Reads what one guest of PVE shows: its configuration and its ipfilter sets. */
import type { At, IpsetEntry } from '../proxmox/answers.ts'
import type { Pve } from '../proxmox/endpoints.ts'
import { judge } from '../proxmox/failures.ts'
import { type GuestFacts, guestFactsOf } from './guest-class.ts'

/** Sets that PVE applies to the outgoing addresses of a NIC (pve-firewall, `ipfilter-net`). */
const filterSet = /^ipfilter-net\d+$/

/** Undefined: it is not on that node. Throws what PVE answers otherwise. Two requests, and one more for each ipfilter set. */
export async function readGuest(pve: Pick<Pve, 'config' | 'firewall'>, at: At): Promise<GuestFacts | undefined> {
  try {
    const config = await pve.config(at)
    return guestFactsOf(at, config, await allowedAddresses(pve, at))
  } catch (fault) {
    if (judge(fault).kind === 'absent') return undefined
    throw fault
  }
}

/** After the configuration was read: PVE answers for guests that do not exist as well (recording 33). */
async function allowedAddresses(pve: Pick<Pve, 'firewall'>, at: At): Promise<IpsetEntry[]> {
  const firewall = pve.firewall(at)
  const entries: IpsetEntry[] = []
  for (const { name } of await firewall.ipsets()) if (filterSet.test(name)) entries.push(...(await firewall.ipset(name)))
  return entries
}
