/** Addresses that leave a VM: out of PVE, out of the guest, out of the set of allowed ones, and only then back to their pool. */
import type { Seen } from '../ladder/machine.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Want } from '../ladder/machine.ts'
import { behindOf, stillUsed } from '../want/guest-seen.ts'
import { claimantOf, entriesOf } from './create/addresses.ts'
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

/** What a look that found nothing missing says of the guest. */
export interface GuestState {
  /** Fields whose new value the running guest does not have yet. */
  readonly behind: readonly string[]
  /** Addresses that it may still use although the spec no longer has them. */
  readonly releasing: readonly string[]
}

/** Nothing is missing in PVE: frees what the guest does not use, and drops the record of what it has once that is what PVE shows. */
export async function partFromAddresses(parting: Parting, cluster: PveCluster, climbed: { want: Want; seen: Seen }): Promise<GuestState> {
  const { deps, draft } = parting
  const { seen, want } = climbed
  const leaving = leavingOf(parting)
  const releasing = usedOf(parting, seen.config)
  const free = leaving.filter((address) => !releasing.includes(address))
  const who = claimantOf(draft)
  if (leaving.length > 0) deps.mayAct()
  if (free.length > 0) {
    await deps.book.release(who, { addresses: free, outcome: 'free' })
    tellFreed(parting, cluster, want, free)
  }
  await deps.book.markReleasing(who, releasing, true)
  const passwordVersion = draft.status.cloudInit?.passwordVersion
  const behind = behindOf(draft.status.guestSeen, { values: seen.config?.values ?? {}, passwordVersion })
  draft.change((status) => {
    const { addresses, guestSeen, ...rest } = status
    const left = (addresses ?? []).filter(({ state, address }) => !state || releasing.includes(address))
    const isOpen = behind.length > 0 || releasing.length > 0
    return { ...rest, ...(left.length > 0 && { addresses: left }), ...(guestSeen && isOpen && { guestSeen }) }
  })
  return { behind, releasing }
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
