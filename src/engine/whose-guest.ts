/** Whose the guest is that PVE has under our VMID without our mark (design 4.4.8). */
import { sameAddress } from '../ipam/choice.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { markOf, parseMark } from '../ladder/mark.ts'
import { shownAddresses } from './create/take-back.ts'
import type { Look } from './look.ts'
import type { Pass } from './pass.ts'

/**
 * another: the mark of another living object, or neither our MAC nor our address. former: the mark of an object that is no more. doubtful: it
 * may be our VM with its mark gone, so nobody but a person touches it or frees what it uses.
 */
export type Whose =
  | { readonly is: 'another' }
  | { readonly is: 'former'; readonly uid: string; readonly uses: readonly string[] }
  | { readonly is: 'doubtful'; readonly why: string }

/** `look`: at a guest that is foreign. `uses`: addresses of this object that it shows. */
export async function whoseGuest({ deps, draft }: Pick<Pass, 'deps' | 'draft'>, look: Look): Promise<Whose> {
  const { vm, status } = draft
  const values = look.seen.config?.values
  // A container, of which we never had one.
  if (!values) return { is: 'another' }
  const mark = parseMark(values.description)
  const isMarked = mark !== undefined && mark.vmid === look.at.vmid
  if (isMarked && deps.isLiving(mark.uid)) return { is: 'another' }
  const ours = [
    ...(status.addresses ?? []).map(({ address }) => address),
    ...deps.book.held(vm.metadata.uid ?? '').map(({ spec }) => spec.address),
  ]
  const shown = await shownAddresses(look)
  const uses = shown.filter((text) => ours.some((address) => sameAddress(text, address)))
  if (isMarked) return { is: 'former', uid: mark.uid, uses }
  if (uses.length > 0) return { is: 'doubtful', why: `uses ${uses.join(', ')} of this object` }
  const macAddress = status.interfaces?.[0]?.macAddress.toUpperCase()
  const nets = Object.entries(values).filter(([key]) => /^net\d+$/.test(key))
  const hasMac = macAddress !== undefined && macAddress !== '' && nets.some(([, net]) => net.toUpperCase().includes(macAddress))
  return hasMac ? { is: 'doubtful', why: `has the MAC address ${macAddress} of this object` } : { is: 'another' }
}

/** What a person can do about a guest that lacks the owner line of this object; follows the sentence that says so. */
export const foreignGuestAdvice = ({ metadata }: ProxmoxVM, vmid: number): string =>
  `If it is the VM of this object, put the line "${markOf(metadata.uid ?? '', vmid)}" into its description in PVE, and the operator continues. If it is another guest, move that guest to another VMID (back it up, restore it under another VMID, delete VM ${vmid} in PVE).`
