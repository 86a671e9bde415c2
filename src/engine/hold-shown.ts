/** Addresses that a running guest was given although its object does not hold them: the record is of an older time, or somebody set them in PVE. */
import { parseAddress } from '../ipam/address.ts'
import { sameAddress } from '../ipam/choice.ts'
import { isBirth } from '../want/birth.ts'
import { addressesIn } from '../want/guest-seen.ts'
import { poolOf } from './adopt/prospect.ts'
import type { Climb } from './climb-pass.ts'
import { claimantOf } from './create/addresses.ts'
import { recordEvent } from './dependencies.ts'

type Looking = Pick<Climb, 'deps' | 'draft' | 'look' | 'key' | 'memory'>

/**
 * Before anything of it is put right: an address of a pool that nobody holds is held for this VM, as one that it is releasing, so that no other
 * VM gets it while the guest uses it.
 */
export async function holdShown(climb: Looking): Promise<void> {
  const { deps, draft, look } = climb
  const { guest, config, lock } = look.seen
  if (guest !== 'ours' || look.isCarried || isBirth(draft.status) || draft.status.restore?.running) return
  const shown = addressesIn(config?.values.ipconfig0)
  if (shown.length === 0) return
  const who = claimantOf(draft)
  const held = deps.book.held(who.uid)
  const strays = shown.filter((text) => !held.some(({ spec }) => sameAddress(spec.address, text)))
  const first = draft.vm.spec.addresses?.[0]?.name ?? 'net0'
  const entries = strays.flatMap((text) => {
    const pool = poolOf(climb, text)
    return pool !== undefined && isFree(climb, pool, text) ? [{ name: `${first}.${text}`.slice(0, 63), pool, recorded: text }] : []
  })
  if (entries.length === 0) return
  await look.need('power')
  if (look.seen.power === 'stopped' && lock !== 'suspended') return
  deps.mayAct()
  const answers = await deps.book.claim(who, entries, draft.vm.spec.clusterRef.name)
  const taken = answers.flatMap((answer) => (answer.is === 'granted' ? [answer.address] : []))
  await deps.book.markReleasing(who, taken, true)
  if (taken.length === 0) return
  const message = `PVE shows ${taken.join(', ')} at VM ${look.at.vmid}, which this object did not hold. It stays reserved for the VM: the guest may use it until its next start from off`
  recordEvent(deps, draft.vm, 'Warning', 'AddressReleasing', message)
}

/** Or in use by this very guest, as far as the pool knows. */
function isFree({ deps, draft, look }: Looking, pool: string, text: string): boolean {
  const [view, address] = [deps.book.pools.view(pool), parseAddress(text)]
  const state = view && address && deps.book.pools.availability(view, address, deps.clock.now())
  if (state?.is === 'in-use') return state.by.cluster === draft.vm.spec.clusterRef.name && state.by.vmid === look.at.vmid
  return state?.is === 'free'
}
