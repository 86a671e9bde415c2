/** Takes and gives back addresses for VMs. */
import type { IPPool } from '../api/ippool.ts'
import type { Namespace } from '../api/meta.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { type Choice, choose, grantOf, isWanted, sameAddress, poolViewFor } from './choice.ts'
import type { Claimant, Entry, Grant, ClaimRefusal } from './claim.ts'
import { PoolGuard } from './pool-guard.ts'
import { asReleasing, givenBack, isReleasing, leftBehind, marksOf, nameOf } from './records.ts'
import { poolStats, type PoolStat } from './pool-stats.ts'
import { type PoolView, PoolIndex } from './pool-index.ts'
import { HeldCounts } from './held-counts.ts'
import { KeyedMutex } from '../ops/keyed-mutex.ts'
import { PendingClaims } from './pending-claims.ts'
import type { UsableAddresses } from './usable.ts'
import { WaiterWakeups, type OnFreed } from './waiter-wakeups.ts'
import { Waiters, type AddressWish } from './waiters.ts'
import { take, update, wasRefused } from './writes.ts'

export interface AddressBookOptions {
  client: KubeClient
  pools: Store<IPPool>
  addresses: Store<PoolAddress>
  namespaces: Store<Namespace>
  clock: Clock
  onFreed: OnFreed
}

/** Races lost in a row before a claim gives up for now: another operator takes from the same pool faster than the watch tells. */
const maxLostRaces = 100

interface Spot {
  readonly address: Address
  readonly scope: string
}

/** Every pool counts its free addresses here; one per process, and only a leader claims and releases. */
export class AddressBook {
  readonly pools: PoolIndex
  readonly counts: HeldCounts
  readonly guard: PoolGuard
  readonly #o: AddressBookOptions
  readonly #waiters = new Waiters()
  readonly #calls: WaiterWakeups
  readonly #heldBy: (uid: string) => PoolAddress[]
  readonly #unsettled: PendingClaims
  /** By uid: two calls for one VM must not each take an address for the same entry. */
  readonly #turns = new KeyedMutex()
  readonly #listeners = new Set<(pool: string, what: 'spec' | 'addresses') => void>()

  /** Declares an index: construct it before the reflectors run. */
  constructor(o: AddressBookOptions) {
    this.#o = o
    this.#heldBy = o.addresses.index('claim-uid', ({ spec }) => (spec.claimRef ? [spec.claimRef.uid] : []))
    this.pools = new PoolIndex({ pools: o.pools, addresses: o.addresses, onChange: (pool, what) => this.#changed(pool, what) })
    this.#unsettled = new PendingClaims(this.pools)
    this.counts = new HeldCounts(o.addresses)
    this.#calls = new WaiterWakeups({ waiters: this.#waiters, pools: this.pools, clock: o.clock, onFreed: o.onFreed })
    this.guard = new PoolGuard({ client: o.client, pools: o.pools, addresses: o.addresses, isUsed: (pool) => this.#isUsed(pool) })
    o.addresses.subscribe(({ new: now }) => now && this.#unsettled.shown(now))
    o.namespaces.subscribe(({ key, old, new: now }) => {
      if (JSON.stringify(old?.metadata.labels) !== JSON.stringify(now?.metadata.labels)) this.#calls.namespaceChanged(key)
    })
  }

  /** Tells that a pool's spec or what it can give may have changed. Ends with the answer. */
  subscribe(listener: (pool: string, what: 'spec' | 'addresses') => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** At the end of the process: calls nobody any more. */
  close(): void {
    this.#calls.close()
  }

  /** What the VM holds, by the uid of its object. */
  held(uid: string): PoolAddress[] {
    return this.#heldBy(uid)
  }

  /**
   * One answer per entry, in their order. Repeat it as often as you like: an address that is held costs no request, one that was
   * taken by a call whose reply was lost is found again. Throws KubeError when a write fails; what was granted before stays held.
   * @param cluster name of the ProxmoxCluster of the VM
   */
  async claim(who: Claimant, entries: readonly Entry[], cluster: string): Promise<(Grant | ClaimRefusal)[]> {
    return this.#turns.take(who.uid, async () => {
      await this.#ready()
      this.#waiters.keepOnly(who.uid, entries)
      const answers: (Grant | ClaimRefusal)[] = []
      for (const entry of entries) answers.push(await this.#claimOne(who, entry, entries, cluster))
      return answers
    })
  }

  /** As `claim`, without a write: what is held is granted, of the rest it says what `claim` would say, or that it is still to be taken. */
  grants(who: Claimant, entries: readonly Entry[], cluster: string): (Grant | ClaimRefusal)[] {
    return entries.map((entry) => {
      const granted = this.#heldGrant(who, entry)
      if (granted) return granted
      const view = this.#view(who, entry, cluster)
      if ('is' in view) return view
      const choice = this.#choice(view, who, entry, entries)
      if (choice.is === 'no') return choice.refusal
      const message = `IPPool ${entry.pool} has not allocated an address yet`
      return { is: 'waiting', entry: entry.name, reason: 'AddressPending', message }
    })
  }

  /**
   * Held addresses that no entry stands for any more, such as the old one after an entry asked for another. They stay held until
   * `release` names them: PVE may still have them in ipconfig and ipset.
   */
  surplus(who: Claimant, entries: readonly Entry[]): PoolAddress[] {
    const wanted = new Map(entries.map((entry) => [entry.name, this.#heldFor(who.uid, entry)?.metadata.name]))
    const kept = new Set(wanted.values())
    // An entry that does not have its new address yet keeps the old one: the guest uses it.
    const isWaiting = (entry: string | undefined): boolean => entry !== undefined && wanted.has(entry) && wanted.get(entry) === undefined
    return this.held(who.uid).filter(({ metadata, spec }) => !kept.has(metadata.name) && !isWaiting(spec.claimRef?.entry))
  }

  /**
   * Gives back everything the VM holds, or what the entries or addresses name. `free`: with a record of the holder, available again
   * after reuseAfter; only when PVE confirmed that the VM no longer uses it. `orphan`: stays held, its VM lives on without an object.
   * Repeat it until it does not throw: what is given back already costs nothing.
   */
  async release(
    who: Claimant,
    o: { entries?: readonly string[]; addresses?: readonly string[]; outcome: 'free' | 'orphan' },
  ): Promise<void> {
    const named = ({ entry, address }: { entry: string | undefined; address: string }): boolean =>
      (!o.entries && !o.addresses) ||
      (o.entries?.includes(entry ?? '') ?? false) ||
      (o.addresses?.some((one) => sameAddress(one, address)) ?? false)
    await this.#turns.take(who.uid, async () => {
      await this.#ready()
      if (!o.entries && !o.addresses) this.#waiters.keepOnly(who.uid, [])
      for (const entry of o.entries ?? []) this.#waiters.leave(who.uid, entry)
      const held = this.held(who.uid).filter(({ spec }) => named({ entry: spec.claimRef?.entry, address: spec.address }))
      const begun = this.#unsettled
        .of(who.uid)
        .filter(({ owner, address }) => named({ entry: owner.entry, address: formatAddress(address) }))
      const spots = new Map([...held.flatMap(spotOf), ...begun].map((spot) => [nameOf(spot.address, spot.scope), spot]))
      for (const spot of spots.values()) await this.#releaseOne(who, spot, o.outcome)
    })
  }

  /** What of these the VM holds is marked as being released, or as its own again. One that says so already costs nothing. */
  async markReleasing(who: Claimant, addresses: readonly string[], isLeaving: boolean): Promise<void> {
    const named = this.held(who.uid).filter(({ spec }) => addresses.some((one) => sameAddress(one, spec.address)))
    for (const spot of named.filter((held) => isReleasing(held) !== isLeaving).flatMap(spotOf))
      await this.#change(spot, (now) =>
        now.spec.claimRef?.uid === who.uid && isReleasing(now) !== isLeaving ? asReleasing(now, isLeaving) : undefined,
      )
  }

  /** Frees an address whose VM has no object any more, after an admin deleted the PoolAddress. */
  async freeOrphan(object: PoolAddress, isFreed: (now: PoolAddress) => boolean): Promise<void> {
    for (const spot of spotOf(object)) {
      await this.#change(spot, (now) => (isFreed(now) ? givenBack(now, marksOf(now), this.#o.clock.now(), this.#rests(now)) : undefined))
    }
  }

  /** Addresses by pool and state, for metrics. */
  stats(): PoolStat[] {
    return poolStats(this.pools, this.counts, this.#o.clock.now())
  }

  /** How many entries of VMs wait at the pool for an address. */
  waitingAt(pool: string): number {
    return this.#waiters.line(pool).filter(({ wish }) => wish !== 'pool').length
  }

  async #claimOne(who: Claimant, entry: Entry, entries: readonly Entry[], cluster: string): Promise<Grant | ClaimRefusal> {
    for (let races = 0; races < maxLostRaces; races++) {
      const granted = this.#heldGrant(who, entry)
      if (granted) {
        this.#calls.leave(entry.pool, who.uid, entry.name)
        return granted
      }
      const view = this.#view(who, entry, cluster)
      if ('is' in view) return this.#wait(who, entry, view, 'pool')
      const choice = this.#choice(view, who, entry, entries)
      if (choice.is === 'no') return this.#wait(who, entry, choice.refusal, choice.wish)
      if (await this.#take(view, who, entry, choice)) {
        this.#calls.leave(entry.pool, who.uid, entry.name)
        return grantOf(entry, view.pool, choice.address)
      }
    }
    throw new Error(`lost ${maxLostRaces} races in a row for an address of IPPool ${entry.pool}`)
  }

  #wait(who: Claimant, entry: Entry, refusal: ClaimRefusal, wish: AddressWish): ClaimRefusal {
    this.#calls.wait(entry.pool, who, entry.name, wish)
    return refusal
  }

  /** @returns whether it is ours now; if not, the store knows whose it is */
  async #take(view: PoolView, who: Claimant, entry: Entry, { address, adopt }: { address: Address; adopt: boolean }): Promise<boolean> {
    const { scope, reuseAfterMs } = view
    const name = nameOf(address, scope)
    const owner = { namespace: who.namespace, name: who.name, uid: who.uid, entry: entry.name }
    this.#unsettled.begin({ owner, pool: entry.pool, scope, address })
    try {
      await this.guard.protect(entry.pool)
      const claim = { who, entry: entry.name, pool: entry.pool, scope, address }
      const taking = await take(this.#o.client, claim, () => this.#o.clock.now(), {
        known: this.#o.addresses.get(name),
        reuseAfterMs,
        adopt,
      })
      this.#o.addresses.put(taking.object)
      // A store that lists anew ignores the write for a moment; until it shows the object, this process must remember it.
      if (taking.is === 'theirs') this.#unsettled.end(name)
      return taking.is === 'ours'
    } catch (fault) {
      if (wasRefused(fault)) this.#unsettled.end(name)
      throw fault
    }
  }

  async #releaseOne(who: Claimant, spot: Spot, outcome: 'free' | 'orphan'): Promise<void> {
    await this.#change(spot, (now) => {
      if (now.spec.claimRef?.uid !== who.uid) return undefined
      if (outcome === 'free') return givenBack(now, who, this.#o.clock.now(), this.#rests(now))
      return now.spec.orphaned ? undefined : leftBehind(now, who)
    })
    this.#unsettled.end(nameOf(spot.address, spot.scope))
  }

  async #change({ address, scope }: Spot, change: (now: PoolAddress) => PoolAddress | undefined): Promise<void> {
    const name = nameOf(address, scope)
    const known = this.#unsettled.has(name) ? undefined : this.#o.addresses.get(name)
    await this.pools.whileLeaving(address, scope, async () => {
      const written = await update(this.#o.client, name, known, change)
      if (written) this.#o.addresses.put(written)
    })
  }

  #choice(view: PoolView & { space: UsableAddresses }, who: Claimant, entry: Entry, entries: readonly Entry[]): Choice {
    const begun = this.#unsettled.of(who.uid).find(({ owner, pool }) => owner.entry === entry.name && pool === entry.pool)
    if (begun && (entry.address === undefined || sameAddress(entry.address, formatAddress(begun.address)))) {
      return { is: 'take', address: begun.address, adopt: false }
    }
    const ahead = this.#waiters.ahead(entry.pool, who.uid, entry.name)
    return choose(this.pools, view, { who, entry, entries, held: this.held(who.uid), ahead, nowMs: this.#o.clock.now() })
  }

  #view(who: Claimant, entry: Entry, cluster: string): (PoolView & { space: UsableAddresses }) | ClaimRefusal {
    const namespaceLabels = this.#o.namespaces.get(who.namespace)?.metadata.labels ?? {}
    return poolViewFor(this.pools.view(entry.pool), entry, { namespace: who.namespace, namespaceLabels, cluster })
  }

  #heldGrant(who: Claimant, entry: Entry): Grant | undefined {
    const held = this.#heldFor(who.uid, entry)
    const address = held && parseAddress(held.spec.address)
    const pool = this.#o.pools.get(entry.pool)
    return address && pool && grantOf(entry, pool, address)
  }

  /** Of several for one entry (an old leader's write that came late) the one the guest was given, else the newest. */
  #heldFor(uid: string, entry: Entry): PoolAddress | undefined {
    const all = this.held(uid).filter((held) => isWanted(held, [entry]))
    const since = (held: PoolAddress): string => held.spec.claimRef?.since ?? ''
    return (
      all.find((held) => entry.recorded !== undefined && sameAddress(entry.recorded, held.spec.address)) ??
      all.toSorted((a, b) => since(b).localeCompare(since(a)) || a.metadata.name.localeCompare(b.metadata.name))[0]
    )
  }

  #isUsed(pool: string): boolean {
    const { allocated, orphaned } = this.counts.of(pool)
    return allocated + orphaned > 0 || this.#unsettled.isUsing(pool)
  }

  #rests({ spec }: PoolAddress): boolean {
    return (this.pools.view(spec.poolRef.name)?.reuseAfterMs ?? 0) > 0
  }

  #changed(pool: string, what: 'spec' | 'addresses'): void {
    this.#calls.poolChanged(pool, what)
    for (const listener of this.#listeners) listener(pool, what)
  }

  async #ready(): Promise<void> {
    await Promise.all([this.#o.pools.synced, this.#o.addresses.synced, this.#o.namespaces.synced])
  }
}

function spotOf({ spec }: PoolAddress): Spot[] {
  const address = parseAddress(spec.address)
  return address ? [{ address, scope: spec.scope }] : []
}
