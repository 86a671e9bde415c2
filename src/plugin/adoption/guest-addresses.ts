/** Which pool each address of a guest is of, as entries of spec.addresses (pure). */
import type { ListedGuest } from '../../api/guest-list.ts'
import type { IPPool } from '../../api/ippool.ts'
import type { PoolAddress } from '../../api/pooladdress.ts'
import { canonical, parseAddress } from '../../ipam/address.ts'
import { poolsServing } from '../../ipam/serving.ts'
import { usableAddressesOf } from '../../ipam/usable.ts'

export interface AddressEntry {
  readonly name: string
  readonly poolRef: { readonly name: string }
  readonly address: string
}

export interface GuestAddresses {
  readonly entries: readonly AddressEntry[]
  /** What fits no pool, or is somebody's. */
  readonly notes: readonly string[]
}

export interface PoolState {
  readonly cluster: string
  readonly pools: readonly IPPool[]
  readonly held: readonly PoolAddress[]
}

/** `main` and `main6` are the first of their families, as cloud-init configures them. */
export function entriesOfGuest({ addresses, vmid, fromUID }: ListedGuest, { cluster, pools, held }: PoolState): GuestAddresses {
  const entries: AddressEntry[] = []
  const notes: string[] = []
  for (const text of addresses) {
    // The record of the very guest tells which of several pools it is.
    const own = held.find(
      ({ spec }) =>
        canonical(spec.address) === canonical(text) &&
        ((fromUID !== undefined && spec.claimRef?.uid === fromUID) || (spec.inUse?.cluster === cluster && spec.inUse.vmid === vmid)),
    )
    const fitting = poolsWith(text, pools, cluster)
    const pool = fitting.find(({ metadata }) => metadata.name === own?.spec.poolRef.name) ?? fitting[0]
    if (!pool) {
      notes.push(`${text} is in no IPPool that serves ${cluster}`)
      continue
    }
    const claim = held.find(({ spec }) => spec.scope === pool.spec.scope && canonical(spec.address) === canonical(text))?.spec.claimRef
    if (!own && fitting.length > 1)
      notes.push(`${text} is in IPPools ${fitting.map(({ metadata }) => metadata.name).join(', ')}; correct poolRef if need be`)
    if (claim && claim.uid !== fromUID) notes.push(`${text} is held by ${claim.namespace}/${claim.name}`)
    entries.push({ name: nameFor(text, entries), poolRef: { name: pool.metadata.name }, address: canonical(text) })
  }
  return { entries: entries.slice(0, 8), notes: entries.length > 8 ? [...notes, 'it has more than 8 addresses of pools'] : notes }
}

function nameFor(text: string, before: readonly AddressEntry[]): string {
  const first = text.includes(':') ? 'main6' : 'main'
  return before.some(({ name }) => name === first) ? `extra${before.length}` : first
}

/** The pools that may give this address to VMs of the cluster. */
export function poolsWith(text: string, pools: readonly IPPool[], cluster: string): IPPool[] {
  const address = parseAddress(text)
  if (!address) return []
  return poolsServing(pools, cluster, (pool) => {
    const space = spaceOf(pool)
    return typeof space !== 'string' && space.family === address.family && space.usable.has(address.value)
  })
}

/** A pool may be of thousands of networks, and a panel has thousands of addresses. */
const spaces = new WeakMap<IPPool, ReturnType<typeof usableAddressesOf>>()

function spaceOf(pool: IPPool): ReturnType<typeof usableAddressesOf> {
  const space = spaces.get(pool) ?? usableAddressesOf(pool.spec)
  spaces.set(pool, space)
  return space
}
