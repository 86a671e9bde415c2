/** What each pool has to give, kept beside the watches: reads the stores, writes nothing. */
import type { IPPool } from '../api/ippool.ts'
import { parseDurationSeconds } from '../api/size.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { Store } from '../kube/store.ts'
import { type Address, parseAddress } from './address.ts'
import { IntervalSet } from './intervals.ts'
import { type PickState, PickIndex } from './pick.ts'
import { nameOf, releasedAtMs } from './records.ts'
import { type UsableAddresses, usableAddressesOf } from './usable.ts'

/** One pool as it is to be used. */
export interface PoolView {
  readonly pool: IPPool
  readonly scope: string
  readonly reuseAfterMs: number
  readonly keepRecordsMs: number
  /** What the pool may give, or the sentence that says why it gives nothing. */
  readonly space: UsableAddresses | string
  readonly index: PickIndex
}

/** Who is taking an address: an entry of a VM. */
export interface Owner {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly entry: string
}

/** Where one address of a pool stands. `byMs` = free from then on, in ms since the epoch. */
export type AvailabilityState =
  | { is: 'free' }
  | { is: 'cooling'; byMs: number }
  | { is: 'claiming'; owner: Owner }
  | { is: 'held'; by: PoolAddress }
  | { is: 'going'; name: string }
  /** A guest in PVE that no object owns shows it. */
  | { is: 'in-use'; by: GuestAt }

/** A guest of a ProxmoxCluster. */
export interface GuestAt {
  readonly cluster: string
  readonly vmid: number
}

export class PoolIndex {
  readonly #addresses: Store<PoolAddress>
  readonly #views = new Map<string, PoolView>()
  /** Object names of addresses being taken by this process, and for whom: not in the store yet, or not known whether. */
  readonly #claiming = new Map<string, Owner>()
  /** Object names of addresses being given back: an object that was deleted by hand is gone for a moment before its record is made. */
  readonly #leaving = new Set<string>()
  /** Object names of addresses that guests without an owner show, noted here before the object says so. */
  readonly #occupied = new Map<string, GuestAt>()
  readonly #onChange: (pool: string, what: 'spec' | 'addresses') => void

  /** @param onChange called after what a pool can give, or its spec, may have changed */
  constructor(o: { pools: Store<IPPool>; addresses: Store<PoolAddress>; onChange: (pool: string, what: 'spec' | 'addresses') => void }) {
    this.#addresses = o.addresses
    this.#onChange = o.onChange
    for (const pool of o.pools.list()) this.#build(pool)
    o.pools.subscribe(({ key, new: pool }) => this.#notePool(key, pool))
    o.addresses.subscribe(({ old, new: now }) => this.#noteAddress(old, now))
  }

  view(pool: string): PoolView | undefined {
    return this.#views.get(pool)
  }

  list(): PoolView[] {
    return [...this.#views.values()]
  }

  /** An address nobody else of this process may pick until it is unmarked. */
  mark(address: Address, scope: string, owner: Owner): void {
    this.#claiming.set(nameOf(address, scope), owner)
    this.#refresh(address, scope)
  }

  unmark(address: Address, scope: string): void {
    if (this.#claiming.delete(nameOf(address, scope))) this.#refresh(address, scope)
  }

  /** A guest without an owner shows the address; undefined: none does, as far as this process has looked. */
  occupy(address: Address, scope: string, by: GuestAt | undefined): void {
    const name = nameOf(address, scope)
    if (by) this.#occupied.set(name, by)
    else this.#occupied.delete(name)
    this.#refresh(address, scope)
  }

  /** An address nobody may take while `work` gives it back. */
  async whileLeaving<T>(address: Address, scope: string, work: () => Promise<T>): Promise<T> {
    const name = nameOf(address, scope)
    this.#leaving.add(name)
    try {
      return await work()
    } finally {
      this.#leaving.delete(name)
      this.#refresh(address, scope)
    }
  }

  availability(view: PoolView, address: Address, nowMs: number): AvailabilityState {
    const name = nameOf(address, view.scope)
    const owner = this.#claiming.get(name)
    if (owner !== undefined) return { is: 'claiming', owner }
    const object = this.#addresses.get(name)
    const guest = this.#guestOn(name)
    if (guest) return { is: 'in-use', by: guest }
    if (!object) return this.#leaving.has(name) ? { is: 'going', name } : { is: 'free' }
    if (object.spec.claimRef) return { is: 'held', by: object }
    if (this.#leaving.has(name) || object.metadata.deletionTimestamp !== undefined) return { is: 'going', name }
    const byMs = releasedAtMs(object) + view.reuseAfterMs
    return byMs > nowMs ? { is: 'cooling', byMs } : { is: 'free' }
  }

  /** The object with this uid had the address of the pool, and gave it back. */
  hasGivenBack(pool: string, text: string, uid: string): boolean {
    const [view, address] = [this.view(pool), parseAddress(text)]
    const spec = view && address && this.#addresses.get(nameOf(address, view.scope))?.spec
    return spec !== undefined && spec.claimRef?.uid !== uid && (spec.history ?? []).some((former) => former.uid === uid)
  }

  /** Reservations that their VM does not hold. */
  reservedCount({ space, scope }: PoolView): number {
    if (typeof space === 'string') return 0
    const { family } = space
    return [...space.reserved.keys()].filter((value) => !this.#addresses.get(nameOf({ family, value }, scope))?.spec.claimRef).length
  }

  #notePool(name: string, pool: IPPool | undefined): void {
    const view = this.#views.get(name)
    if (!pool) {
      this.#views.delete(name)
      this.#onChange(name, 'spec')
      return
    }
    if (view && isSameSpec(view.pool, pool)) {
      this.#views.set(name, { ...view, pool })
      return
    }
    this.#build(pool)
    this.#onChange(name, 'spec')
  }

  #build(pool: IPPool): void {
    const { spec } = pool
    const space = usableAddressesOf(spec)
    const reuseAfterMs = parseDurationSeconds(spec.reuseAfter) * 1000
    const open = typeof space === 'string' ? IntervalSet.of([]) : space.open
    const view: PoolView = {
      pool,
      scope: spec.scope,
      space,
      reuseAfterMs,
      keepRecordsMs: parseDurationSeconds(spec.keepRecords) * 1000,
      index: new PickIndex(open, spec.pick, reuseAfterMs),
    }
    this.#views.set(pool.metadata.name, view)
    if (typeof space === 'string') return
    for (const object of this.#addresses.list()) {
      const address = object.spec.scope === view.scope ? parseAddress(object.spec.address) : undefined
      if (address?.family === space.family) view.index.set(address.value, this.#stateOf(nameOf(address, view.scope)))
    }
  }

  #noteAddress(old: PoolAddress | undefined, now: PoolAddress | undefined): void {
    const object = now ?? old
    const address = object && parseAddress(object.spec.address)
    if (!object || !address) return
    this.#refresh(address, object.spec.scope)
    for (const pool of new Set([old?.spec.poolRef.name, now?.spec.poolRef.name])) if (pool !== undefined) this.#onChange(pool, 'addresses')
  }

  #refresh(address: Address, scope: string): void {
    const state = this.#stateOf(nameOf(address, scope))
    for (const [name, view] of this.#views) {
      if (view.scope !== scope || typeof view.space === 'string' || view.space.family !== address.family) continue
      if (!view.space.usable.has(address.value)) continue
      view.index.set(address.value, state)
      this.#onChange(name, 'addresses')
    }
  }

  /** Who holds it matters more: a claim stays what it is. */
  #guestOn(name: string): GuestAt | undefined {
    const { spec } = this.#addresses.get(name) ?? {}
    return spec?.claimRef ? undefined : (this.#occupied.get(name) ?? spec?.inUse)
  }

  #stateOf(name: string): PickState {
    const object = this.#addresses.get(name)
    if (this.#claiming.has(name) || this.#leaving.has(name) || this.#guestOn(name)) return { is: 'taken' }
    if (!object) return { is: 'fresh' }
    const going = object.metadata.deletionTimestamp !== undefined
    return object.spec.claimRef || going ? { is: 'taken' } : { is: 'released', atMs: releasedAtMs(object) }
  }
}

/** Status and finalizers do not raise the generation. */
const isSameSpec = ({ metadata: a }: IPPool, { metadata: b }: IPPool): boolean =>
  a.uid === b.uid && a.generation === b.generation && a.deletionTimestamp === b.deletionTimestamp
