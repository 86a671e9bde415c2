import { familyOf } from '../../want/guest-seen.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import type { PoolAddress } from '../../api/pooladdress.ts'
import type { Claimant, Entry, Grant, ClaimRefusal } from '../../ipam/claim.ts'
import { fails, holds } from '../conditions.ts'
import { nowIso, recordEvent, type Dependencies } from '../dependencies.ts'
import { judged } from '../status.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { stalled, wait, type Obstacle } from '../../ladder/outcome.ts'

type Holder = Pick<VMStatusDraft, 'vm' | 'status'>
type VMAddress = NonNullable<ProxmoxVMStatus['addresses']>[number]

export function claimantOf({ vm, status }: Holder): Claimant {
  const { namespace, name, uid, labels } = vm.metadata
  return { namespace: namespace ?? '', name, uid: uid ?? '', labels: labels ?? {}, vmid: status.vmid, cluster: vm.spec.clusterRef.name }
}

export const entriesOf = ({ vm, status }: Holder): Entry[] =>
  (vm.spec.addresses ?? []).map((entry) => ({
    name: entry.name,
    pool: entry.poolRef.name,
    address: entry.address,
    recorded: status.addresses?.find((held) => !held.state && held.name === entry.name && held.pool === entry.poolRef.name)?.address,
  }))

/**
 * Every declared address, taken and in status; held ones cost no request. What status tells is never shortened by a refusal: an entry that gets
 * no other address keeps the one it has, and an address that leaves stays until the guest has let go of it.
 */
export async function claimAddresses(deps: Dependencies, draft: VMStatusDraft): Promise<Grant[] | Obstacle> {
  const { vm } = draft
  const entries = entriesOf(draft)
  const claim = () => deps.book.claim(claimantOf(draft), entries, vm.spec.clusterRef.name)
  const first = await claim()
  // It lines up at the pools with other entries, so these line up once more.
  const answers = (await claimLost(deps, draft)) ? await claim() : first
  const grants = answers.filter((answer) => answer.is === 'granted')
  for (const grant of grants) {
    if (!draft.status.addresses?.some((held) => held.address === grant.address)) {
      recordEvent(deps, vm, 'Normal', 'AddressAllocated', `${grant.address} from pool ${grant.pool} for ${grant.entry}`)
    }
  }
  // Asked for again before the guest has let go of it.
  await deps.book.markReleasing(
    claimantOf(draft),
    grants.map(({ address }) => address),
    false,
  )
  const refusal = answers.find((answer) => answer.is !== 'granted')
  const verdict = refusal ? fails('AddressesAllocated', refusal.reason, refusal.message) : holds('AddressesAllocated')
  const leaving = deps.book.surplus(claimantOf(draft), entries)
  const said = draft.status.conditions?.find(({ type }) => type === 'AddressesAllocated')
  // What a look at the VM has added to it is said again when it was looked at.
  const isSaid = !refusal && said?.status === 'True'
  draft.change(judged(vm, nowIso(deps.clock), isSaid ? [] : [verdict]), (status) => withAddresses(status, entries, grants, leaving))
  return refusal ? outcomeOf(refusal) : grants
}

const outcomeOf = (refusal: ClaimRefusal): Obstacle =>
  refusal.is === 'waiting' ? wait(refusal.reason, refusal.message, 60_000) : stalled(refusal.reason, refusal.message)

/** An address that was being released and whose PoolAddress is lost is taken again: the guest may still use it. */
async function claimLost(deps: Dependencies, draft: VMStatusDraft): Promise<boolean> {
  const who = claimantOf(draft)
  const lost = (draft.status.addresses ?? []).filter(
    ({ state, address, pool }) =>
      state === 'Releasing' &&
      !deps.book.held(who.uid).some(({ spec }) => spec.address === address) &&
      // Before the status could be written.
      !deps.book.pools.hasGivenBack(pool, address, who.uid),
  )
  if (lost.length === 0) return false
  const names = new Set((draft.vm.spec.addresses ?? []).map(({ name }) => name))
  const entries = lost.map(({ name, pool, address: recorded }) => ({
    // Of its own, since the entry has another address.
    name: names.has(name) ? `${name}.${recorded}`.slice(0, 63) : name,
    pool,
    recorded,
  }))
  deps.mayAct()
  await deps.book.claim(who, entries, draft.vm.spec.clusterRef.name)
  await deps.book.markReleasing(
    who,
    lost.map(({ address }) => address),
    true,
  )
  return true
}

function withAddresses(
  status: ProxmoxVMStatus,
  entries: readonly Entry[],
  grants: readonly Grant[],
  leaving: readonly PoolAddress[],
): ProxmoxVMStatus {
  const before = status.addresses ?? []
  const own = entries.flatMap(({ name }) => {
    const grant = grants.find(({ entry }) => entry === name)
    return grant ? [granted(grant)] : before.filter((held) => held.name === name && !held.state)
  })
  const addresses = [...own, ...leaving.map((held) => asLeaving(held, before))]
  if (addresses.length > 0) return { ...status, addresses }
  const { addresses: _, ...rest } = status
  return rest
}

const granted = ({ entry, family, address, prefixLength, gateway, pool }: Grant): VMAddress => ({
  name: entry,
  family,
  address,
  prefixLength,
  ...(gateway && { gateway }),
  pool,
})

/** With the prefix and gateway that the guest was given. */
function asLeaving({ spec }: PoolAddress, before: readonly VMAddress[]): VMAddress {
  const { address, claimRef, poolRef } = spec
  const known = before.find((held) => held.address === address)
  const family = familyOf(address)
  const bare = { name: claimRef?.entry ?? '', family, address, prefixLength: family === 'IPv4' ? 32 : 128, pool: poolRef.name }
  return { ...(known ?? bare), state: 'Releasing' }
}
