/** Addresses that leave a VM: out of PVE, out of the guest, out of the set of allowed ones, and only then back to their pool. */
import type { Seen } from '../ladder/machine.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Want } from '../ladder/machine.ts'
import { behindOf, stillUsed } from '../want/guest-seen.ts'
import { configuredAddresses } from '../cluster/guest-class.ts'
import { sameAddress } from '../ipam/choice.ts'
import { claimantOf, entriesOf } from './create/addresses.ts'
import { allowedIn } from './create/take-back.ts'
import { nowIso, recordEvent, type Dependencies } from './dependencies.ts'
import { noted } from './status.ts'
import type { VMStatusDraft } from './status-draft.ts'

interface Parting {
  readonly deps: Dependencies
  readonly draft: VMStatusDraft
}

/** Held addresses that no entry stands for any more. */
export const leavingOf = ({ deps, draft }: Parting): string[] =>
  deps.book.surplus(claimantOf(draft), entriesOf(draft)).map(({ spec }) => spec.address)

/** Those of them that the guest may still use. */
export const usedOf = (parting: Parting, config: Seen['config']): string[] =>
  stillUsed(parting.draft.status.guestSeen, config?.values.ipconfig0, leavingOf(parting))

/**
 * Those of them that PVE still shows where the operator does not write: in ipconfigN of another network card than net0, in a set of another
 * card, and in the set of a VM that was taken over, which stays as found. Not known while that set is not read: then all of them.
 */
function standingOf({ seen, want }: { seen: Seen; want: Want }, leaving: readonly string[]): string[] {
  if (want.firewall.leavesIpfilter && !seen.firewall) return [...leaving]
  const others = Object.fromEntries(Object.entries(seen.config?.values ?? {}).filter(([key]) => key !== 'ipconfig0'))
  const shown = [...configuredAddresses(others), ...allowedIn(seen)]
  return leaving.filter((address) => shown.some((text) => sameAddress(text, address)))
}

/** What a look that found nothing missing says of the guest. */
export interface GuestState {
  /** Fields whose new value the running guest does not have yet. */
  readonly behind: readonly string[]
  /** Addresses that it may still use although the spec no longer has them. */
  readonly releasing: readonly string[]
  /** Addresses that the spec no longer has and that stand in PVE where only a person changes them. */
  readonly standing: readonly string[]
}

/** Nothing is missing in PVE: frees what the guest does not use, and drops the record of what it has once that is what PVE shows. */
export async function partFromAddresses(parting: Parting, cluster: PveCluster, climbed: { want: Want; seen: Seen }): Promise<GuestState> {
  const { deps, draft } = parting
  const { seen, want } = climbed
  const leaving = leavingOf(parting)
  const releasing = usedOf(parting, seen.config)
  const standing = standingOf(climbed, leaving).filter((address) => !releasing.includes(address))
  const free = leaving.filter((address) => !releasing.includes(address) && !standing.includes(address))
  const who = claimantOf(draft)
  if (leaving.length > 0) deps.mayAct()
  if (free.length > 0) {
    await deps.book.release(who, { addresses: free, outcome: 'free' })
    tellFreed(parting, cluster, want, free)
  }
  await deps.book.markReleasing(who, releasing, true)
  // No start from off ends it.
  await deps.book.markReleasing(who, standing, false)
  const passwordVersion = draft.status.cloudInit?.passwordVersion
  const behind = behindOf(draft.status.guestSeen, { values: seen.config?.values ?? {}, passwordVersion })
  draft.change((status) => {
    const { addresses, guestSeen, ...rest } = status
    const left = (addresses ?? []).filter(({ state, address }) => !state || releasing.includes(address) || standing.includes(address))
    const isOpen = behind.length > 0 || releasing.length > 0
    return { ...rest, ...(left.length > 0 && { addresses: left }), ...(guestSeen && isOpen && { guestSeen }) }
  })
  return { behind, releasing, standing }
}

function tellFreed({ deps, draft }: Parting, cluster: PveCluster, want: Want, free: readonly string[]): void {
  const list = free.join(', ')
  const { options, ipfilter } = want.firewall
  const isEnforced = ipfilter !== undefined && options.enable === '1' && want.net.firewall && cluster.facts()?.firewallEnabled !== false
  const warning = 'Anti-spoofing is off for this VM, so only the settings of the guest keep it from using'
  const message = isEnforced || draft.status.removedAt ? list : `${list}. ${warning} ${free.length === 1 ? 'it' : 'them'}.`
  draft.change(noted('set_firewall', nowIso(deps.clock), 'Released', message))
  recordEvent(deps, draft.vm, 'Normal', 'AddressReleased', message)
}
