/** Claims of objects that are no more, passed to the object that owns their guest now. */
import type { ClaimReference, PoolAddress } from '../api/pooladdress.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import { sameAddress } from './choice.ts'
import type { Claimant, Entry } from './claim.ts'
import { passedOn } from './records.ts'
import { update } from './writes.ts'

export interface Inheritance {
  readonly client: KubeClient
  readonly addresses: Store<PoolAddress>
  readonly clock: Clock
  readonly isLiving: (uid: string) => boolean
  /** It is proved that no ProxmoxVM has this uid: asked before its claim is passed on. */
  readonly isGone: (uid: string, named: ClaimReference) => Promise<boolean>
}

/**
 * Takes over every claim on one of these addresses, which the guest of `who` shows, whose holder is no living object. Repeat it as often as
 * you like. The answer names the addresses that changed their holder.
 */
export async function inheritClaims(o: Inheritance, who: Claimant, entries: readonly Entry[], shown: readonly string[]): Promise<string[]> {
  const isHeirless = ({ spec }: PoolAddress): boolean =>
    spec.claimRef !== undefined &&
    spec.claimRef.uid !== who.uid &&
    !o.isLiving(spec.claimRef.uid) &&
    shown.some((text) => sameAddress(text, spec.address))
  const passed: string[] = []
  const free = new Set(entries.map(({ name }) => name))
  for (const { spec } of o.addresses.list()) if (spec.claimRef?.uid === who.uid) free.delete(spec.claimRef.entry)
  for (const object of o.addresses.list().filter(isHeirless)) {
    const { claimRef } = object.spec
    if (!claimRef || !(await o.isGone(claimRef.uid, claimRef))) continue
    const entry = entryFor(object, entries, free)
    const written = await update(o.client, object.metadata.name, object, (now) =>
      isHeirless(now) && now.spec.claimRef?.uid === claimRef.uid ? passedOn(now, who, entry, o.clock.now()) : undefined,
    )
    if (written) o.addresses.put(written)
    if (written?.spec.claimRef?.uid !== who.uid) continue
    free.delete(entry)
    passed.push(object.spec.address)
  }
  return passed
}

/** The entry it was for, if that still stands; else one that wants an address of its pool. One that nobody wants is given back in its turn. */
function entryFor({ spec }: PoolAddress, entries: readonly Entry[], free: ReadonlySet<string>): string {
  const former = spec.claimRef?.entry ?? ''
  const fits = entries.filter(
    ({ name, pool, address }) => free.has(name) && pool === spec.poolRef.name && (!address || sameAddress(address, spec.address)),
  )
  const exact = fits.find(({ address, recorded }) => [address, recorded].some((text) => text && sameAddress(text, spec.address)))
  return (exact ?? fits.find(({ name }) => name === former) ?? fits[0])?.name ?? former
}
