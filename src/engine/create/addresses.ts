import type { Claimant, Entry, Grant, ClaimRefusal } from '../../ipam/claim.ts'
import { fails, holds } from '../conditions.ts'
import { nowIso, recordEvent, type Dependencies } from '../dependencies.ts'
import { judged } from '../status.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { stalled, wait, type Obstacle } from '../../ladder/outcome.ts'

type Holder = Pick<VMStatusDraft, 'vm' | 'status'>

export function claimantOf({ vm, status }: Holder): Claimant {
  const { namespace, name, uid, labels } = vm.metadata
  return { namespace: namespace ?? '', name, uid: uid ?? '', labels: labels ?? {}, vmid: status.vmid, cluster: vm.spec.clusterRef.name }
}

export const entriesOf = ({ vm, status }: Holder): Entry[] =>
  (vm.spec.addresses ?? []).map((entry) => ({
    name: entry.name,
    pool: entry.poolRef.name,
    address: entry.address,
    recorded: status.addresses?.find((held) => held.name === entry.name && held.pool === entry.poolRef.name)?.address,
  }))

/** Every declared address, taken and in status; held ones cost no request. */
export async function claimAddresses(deps: Dependencies, draft: VMStatusDraft): Promise<Grant[] | Obstacle> {
  const { vm } = draft
  const answers = await deps.book.claim(claimantOf(draft), entriesOf(draft), vm.spec.clusterRef.name)
  const grants = answers.filter((answer) => answer.is === 'granted')
  for (const grant of grants) {
    if (!draft.status.addresses?.some((held) => held.address === grant.address)) {
      recordEvent(deps, vm, 'Normal', 'AddressAllocated', `${grant.address} from pool ${grant.pool} for ${grant.entry}`)
    }
  }
  const refusal = answers.find((answer) => answer.is !== 'granted')
  const verdict = refusal ? fails('AddressesAllocated', refusal.reason, refusal.message) : holds('AddressesAllocated')
  draft.change(judged(vm, nowIso(deps.clock), [verdict]), (status) => withAddresses(status, grants))
  return refusal ? outcomeOf(refusal) : grants
}

const outcomeOf = (refusal: ClaimRefusal): Obstacle =>
  refusal.is === 'waiting' ? wait(refusal.reason, refusal.message, 60_000) : stalled(refusal.reason, refusal.message)

function withAddresses(status: VMStatusDraft['status'], grants: readonly Grant[]): VMStatusDraft['status'] {
  const addresses = grants.map(({ entry, family, address, prefixLength, gateway, pool }) => ({
    name: entry,
    family,
    address,
    prefixLength,
    ...(gateway && { gateway }),
    pool,
  }))
  if (addresses.length > 0) return { ...status, addresses }
  const { addresses: _, ...rest } = status
  return rest
}

/** Addresses the VM no longer declares: free only now that PVE has them neither in ipconfig nor in the ipset. */
export async function releaseSurplus(deps: Dependencies, draft: VMStatusDraft): Promise<void> {
  const surplus = deps.book.surplus(claimantOf(draft), entriesOf(draft))
  if (surplus.length === 0) return
  const addresses = surplus.map(({ spec }) => spec.address)
  deps.mayAct()
  await deps.book.release(claimantOf(draft), { addresses, outcome: 'free' })
  recordEvent(deps, draft.vm, 'Normal', 'AddressReleased', addresses.join(', '))
}
