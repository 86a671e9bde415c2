/** Addresses of our pools that guests of PVE without an owner are configured with: given to nobody, and told as PoolAddress objects. */
import type { AddressInUse, PoolAddress } from '../api/pooladdress.ts'
import { poolAddresses } from '../api/meta.ts'
import type { KubeClient } from '../kube/client.ts'
import { isNotFound, isOutdated, KubeError } from '../kube/kube-error.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import { type Address, parseAddress } from './address.ts'
import type { GuestAt, PoolIndex, PoolView } from './pool-index.ts'
import { nameOf, occupied, timeOf, vacated } from './records.ts'

/** A guest without an owner, and what it shows. */
export interface OccupyingGuest extends GuestAt {
  readonly node: string
  readonly name: string
  /** As PVE spells them. */
  readonly addresses: readonly string[]
}

interface Options {
  client: KubeClient
  addresses: Store<PoolAddress>
  pools: PoolIndex
  clock: Clock
  /** Whether there is a ProxmoxCluster of this name; true as long as nobody can tell. */
  isCluster: (name: string) => boolean
  onFault: (fault: unknown) => void
}

/** Addresses of a pool whose guests nobody can look at any more, as their ProxmoxCluster no longer exists. */
export interface Unseen {
  readonly cluster: string
  readonly count: number
}

interface Spot {
  readonly address: Address
  readonly view: PoolView
  readonly guest: OccupyingGuest
}

/** After a write that failed, and to find objects that somebody deleted. */
const againMs = 30_000

export class InUseAddresses {
  readonly #o: Options
  /** What each guest that was read shows, by `cluster/vmid`; one without addresses has let go of all. */
  readonly #shown = new Map<string, OccupyingGuest>()
  /** By the name of the PoolAddress: who shows it, by `cluster/vmid`. The first one is told. */
  readonly #spots = new Map<string, Map<string, Spot>>()
  /** Names of PoolAddresses to be looked at. */
  readonly #dirty = new Set<string>()
  #wake: (() => void) | undefined

  constructor(o: Options) {
    this.#o = o
    o.addresses.subscribe(({ key, old, new: now }) => {
      if (now === undefined && old?.spec.inUse && !o.isCluster(old.spec.inUse.cluster)) this.#forget(key, old.spec.inUse)
      if (this.#isConcerned(key)) this.#mark(key)
    })
  }

  /** A guest was read. Without addresses: it shows none, has an owner now, or is gone. In force for the next claim at once. */
  shows(guest: OccupyingGuest): void {
    this.#shown.set(keyOfGuest(guest), guest)
    this.#place(guest)
    for (const object of this.#o.addresses.list()) if (isOf(object.spec.inUse, guest)) this.#mark(object.metadata.name)
  }

  /** Pools came, went or changed their ranges. */
  poolsChanged(): void {
    for (const guest of this.#shown.values()) this.#place(guest)
  }

  /** Whether any of these is an address of a pool that serves the cluster. */
  concerns(cluster: string, addresses: readonly string[]): boolean {
    return addresses.some((text) => this.#viewsOf(cluster, parseAddress(text)).length > 0)
  }

  /** VMIDs of guests whose addresses are told as in use, also by a former process. */
  guestsOf(cluster: string): number[] {
    return [...new Set(this.#o.addresses.list().flatMap(({ spec }) => (spec.inUse?.cluster === cluster ? [spec.inUse.vmid] : [])))]
  }

  countOf(pool: string): number {
    return this.#o.addresses.list().filter(({ spec }) => spec.inUse !== undefined && !spec.claimRef && spec.poolRef.name === pool).length
  }

  /** Of the pool: they stay in use, as nobody sees whether their guests let go. */
  unseenAt(pool: string): Unseen[] {
    const counts = new Map<string, number>()
    for (const { spec } of this.#o.addresses.list()) {
      const cluster = spec.poolRef.name === pool && !spec.claimRef ? spec.inUse?.cluster : undefined
      if (cluster !== undefined && !this.#o.isCluster(cluster)) counts.set(cluster, (counts.get(cluster) ?? 0) + 1)
    }
    return [...counts].map(([cluster, count]) => ({ cluster, count })).toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1))
  }

  /** Writes the objects until the signal aborts; by the leader only. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new AbortController()
      this.#wake = () => woken.abort()
      if (this.#dirty.size === 0) await this.#o.clock.sleep(againMs, AbortSignal.any([signal, woken.signal]))
      for (const name of this.#dirty) {
        if (signal.aborted) return
        this.#dirty.delete(name)
        await this.#write(name).catch((fault: unknown) => this.#failed(name, fault))
      }
    }
  }

  #failed(name: string, fault: unknown): void {
    if (isOutdated(fault) || (fault instanceof KubeError && fault.reason === 'AlreadyExists')) return this.#mark(name)
    this.#o.onFault(fault)
    this.#o.clock.after(againMs, () => this.#mark(name))
  }

  #mark(name: string): void {
    this.#dirty.add(name)
    this.#wake?.()
  }

  #isConcerned(name: string): boolean {
    return this.#o.addresses.get(name)?.spec.inUse !== undefined || this.#spotOf(name) !== undefined
  }

  /** Enters what the guest shows, in place of what it showed. */
  #place(guest: OccupyingGuest): void {
    const key = keyOfGuest(guest)
    const spots = guest.addresses.flatMap((text) => {
      const address = parseAddress(text)
      return this.#viewsOf(guest.cluster, address).flatMap((view) => (address ? [{ address, view, guest }] : []))
    })
    const names = new Set(spots.map(({ address, view }) => nameOf(address, view.scope)))
    for (const [name, guests] of this.#spots) if (!names.has(name)) this.#leave(name, guests, key)
    for (const spot of spots) {
      const name = nameOf(spot.address, spot.view.scope)
      const guests = this.#spots.get(name) ?? new Map<string, Spot>()
      this.#spots.set(name, guests.set(key, spot))
      this.#tell(name, spot)
    }
  }

  #leave(name: string, guests: Map<string, Spot>, key: string): void {
    const spot = guests.get(key)
    if (!spot) return
    guests.delete(key)
    if (guests.size === 0) this.#spots.delete(name)
    this.#tell(name, spot)
  }

  /** An admin deleted the object of a guest nobody can look at: what this process remembers of the guest must not bring it back. */
  #forget(name: string, guest: GuestAt): void {
    const key = keyOfGuest(guest)
    this.#shown.delete(key)
    const guests = this.#spots.get(name)
    if (guests) this.#leave(name, guests, key)
  }

  #tell(name: string, { address, view }: Spot): void {
    this.#o.pools.occupy(address, view.scope, this.#spotOf(name)?.guest)
    this.#mark(name)
  }

  #spotOf(name: string): Spot | undefined {
    const [first] = this.#spots.get(name)?.values() ?? []
    return first
  }

  /** Pools that serve the cluster and hold the address. */
  #viewsOf(cluster: string, address: Address | undefined): PoolView[] {
    if (!address) return []
    return this.#o.pools.list().filter(({ space, pool: { spec } }) => {
      const serves = !spec.clusterRefs || spec.clusterRefs.some((ref) => ref.name === cluster)
      return serves && typeof space !== 'string' && space.family === address.family && space.usable.has(address.value)
    })
  }

  async #write(name: string): Promise<void> {
    const { client, addresses, clock } = this.#o
    const known = addresses.get(name)
    if (known?.spec.claimRef || known?.metadata.deletionTimestamp) return
    const spot = this.#spotOf(name)
    if (!spot) return await this.#vacate(known)
    const { guest, address, view } = spot
    if (isOf(known?.spec.inUse, guest)) return
    const next = occupied({ address, pool: view.pool.metadata.name, scope: view.scope }, inUseBy(guest, clock.now()), known)
    addresses.put(known ? await client.replace(poolAddresses, next) : await client.create(poolAddresses, next))
  }

  /** Only once its guest was looked at by this process. An object that has no former holder to tell of goes, unless it must rest. */
  async #vacate(known: PoolAddress | undefined): Promise<void> {
    const { client, addresses, clock } = this.#o
    if (!known?.spec.inUse || !this.#shown.has(keyOfGuest(known.spec.inUse))) return
    const rests = (this.#o.pools.view(known.spec.poolRef.name)?.reuseAfterMs ?? 0) > 0
    const isBare = (known.spec.history ?? []).length === 0 && !rests
    if (!isBare) return addresses.put(await client.replace(poolAddresses, vacated(known, clock.now(), rests)))
    const { name, uid, resourceVersion } = known.metadata
    await client
      .delete(poolAddresses, { name }, { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) })
      .catch((fault: unknown) => {
        if (!isNotFound(fault)) throw fault
      })
  }
}

const keyOfGuest = ({ cluster, vmid }: GuestAt): string => `${cluster}/${vmid}`
const isOf = (inUse: AddressInUse | undefined, guest: GuestAt): boolean =>
  inUse !== undefined && inUse.cluster === guest.cluster && inUse.vmid === guest.vmid

const inUseBy = ({ cluster, vmid, node, name }: OccupyingGuest, nowMs: number): AddressInUse => ({
  cluster,
  vmid,
  ...(node && { node }),
  ...(name && { name }),
  since: timeOf(nowMs),
})
