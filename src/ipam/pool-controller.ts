/** Keeps each pool's status, finalizer and records. Holds no lock and no state that could be lost: everything is looked up again. */
import type { IPPool } from '../api/ippool.ts'
import { ipPools, poolAddresses } from '../api/meta.ts'
import type { ClaimReference, PoolAddress } from '../api/pooladdress.ts'
import type { KubeClient } from '../kube/client.ts'
import { isNotFound, isOutdated } from '../kube/kube-error.ts'
import { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import { aborted } from '../ops/abort.ts'
import type { Clock } from '../ops/clock.ts'
import type { AddressBook } from './address-book.ts'
import { keyOfClaimant } from './claim.ts'
import type { Unseen } from './in-use.ts'
import { overlapsOf } from './overlap.ts'
import { type PoolFacts, statusOf } from './pool-status.ts'
import { isFreedByHand, keepingOf } from './record-keeping.ts'
import { rested } from './records.ts'
import type { PoolView } from './pool-index.ts'

export interface PoolControllerOptions {
  client: KubeClient
  pools: Store<IPPool>
  addresses: Store<PoolAddress>
  book: AddressBook
  clock: Clock
  /** Whether the PoolAddress of an orphan that is being deleted was deleted by a person, and not with its whole kind. Absent: it was. */
  mayFree?: (uid: string) => Promise<boolean>
  /** Addresses of a pool that guests without an owner show. */
  inUseOf: (pool: string) => number
  /** Of these, the ones whose guests nobody can look at. */
  unseenAt: (pool: string) => Unseen[]
  /** A ProxmoxVM with this uid exists. */
  isLiving: (uid: string) => boolean
  /** It is proved that no ProxmoxVM has this uid: asked before its address is freed. */
  isGone: (uid: string, named: ClaimReference) => Promise<boolean>
  /** A reconcile failed and is tried again with backoff. */
  onFault?: (pool: string, fault: unknown) => void
}

/** design: status is written at most once a second per pool. */
const statusEveryMs = 1_000
/** Going through the records of a pool costs its size, so changes are gathered. */
const sweepEveryMs = 5_000
/** Records expire by the year: not all of them at once. */
const writesPerSweep = 100
const workers = 4
/** Of a pool that was deleted; its records outlive it. The default of spec.keepRecords. */
const keepRecordsMs = 8_760 * 3_600_000
const holdersNamed = 3

export class PoolController {
  readonly #o: PoolControllerOptions
  /** Keys are names of IPPools. */
  readonly queue: WorkQueue
  readonly #byPool: (pool: string) => PoolAddress[]
  readonly #writtenMs = new Map<string, number>()
  /** When the records of a pool are to be looked through; absent = now. */
  readonly #sweepMs = new Map<string, number>()

  /** Declares an index: construct it before the reflectors run. */
  constructor(o: PoolControllerOptions) {
    this.#o = o
    this.queue = new WorkQueue({ clock: o.clock, ...(o.onFault && { onFault: o.onFault }) })
    this.#byPool = o.addresses.index('pool', ({ spec }) => [spec.poolRef.name])
  }

  /** Works until the signal aborts; by the leader only. */
  async run(signal: AbortSignal): Promise<void> {
    const ends = [
      this.#o.book.subscribe((pool, what) => this.#changed(pool, what)),
      this.#o.addresses.subscribe(({ new: now }) => {
        if (now) this.#sweepSooner(now)
      }),
    ]
    signal.addEventListener('abort', () => ends.forEach((end) => end()), { once: true })
    await Promise.race([Promise.all([this.#o.pools.synced, this.#o.addresses.synced]), aborted(signal)])
    const names = new Set([
      ...this.#o.pools.list().map(({ metadata }) => metadata.name),
      ...this.#o.addresses.list().map(({ spec }) => spec.poolRef.name),
    ])
    for (const name of names) this.queue.add(name)
    await this.queue.run((name) => this.#reconcile(name), { workers }, signal)
  }

  #changed(pool: string, what: 'spec' | 'addresses'): void {
    this.queue.add(pool)
    if (what === 'addresses') return
    this.#sweepMs.delete(pool)
    // Whether pools overlap is a matter of all of them.
    for (const { pool: other } of this.#o.book.pools.list()) this.queue.add(other.metadata.name)
  }

  /** A release, or a deletion by hand, is due sooner than what was known before. */
  #sweepSooner(now: PoolAddress): void {
    if (now.spec.claimRef && !this.#isFreed(now)) return
    const pool = now.spec.poolRef.name
    const view = this.#o.book.pools.view(pool)
    const nowMs = this.#o.clock.now()
    const dueMs = this.#isFreed(now)
      ? nowMs
      : nowMs + (now.spec.state === 'Cooling' ? (view?.reuseAfterMs ?? 0) : (view?.keepRecordsMs ?? keepRecordsMs))
    if (dueMs < (this.#sweepMs.get(pool) ?? 0)) this.#sweepMs.set(pool, dueMs)
    this.queue.add(pool)
  }

  #isFreed = (address: PoolAddress): boolean => isFreedByHand(address, this.#o.isLiving)

  async #reconcile(name: string): Promise<void> {
    const view = this.#o.book.pools.view(name)
    await this.#sweep(name, view)
    if (view) {
      const isBare = await this.#o.book.guard.unprotect(name)
      const isGone = isBare && view.pool.metadata.deletionTimestamp !== undefined
      if (!isGone) await this.#report(name)
    }
    this.queue.forget(name)
  }

  async #report(name: string): Promise<void> {
    // The newest: the guard may have written meanwhile.
    const view = this.#o.book.pools.view(name)
    if (!view) return
    const nowMs = this.#o.clock.now()
    const facts = this.#facts(name, view, nowMs)
    if (facts.nextFreeMs !== undefined) this.queue.addAfter(name, facts.nextFreeMs - nowMs + 1)
    const status = statusOf(view.pool, facts, nowMs)
    if (!status) return
    const waitMs = (this.#writtenMs.get(name) ?? 0) + statusEveryMs - nowMs
    if (waitMs > 0 && waitMs <= statusEveryMs) {
      this.queue.addAfter(name, waitMs)
      return
    }
    this.#writtenMs.set(name, nowMs)
    // A merge patch keeps what it does not name: counts of a pool that became invalid have to be named.
    const absent = facts.counts ? {} : { total: null, free: null, cooling: null, inUse: null, reserved: null }
    try {
      this.#o.pools.put(await this.#o.client.mergePatch(ipPools, { name }, { status: { ...absent, ...status } }, { subresource: 'status' }))
    } catch (fault) {
      if (!isNotFound(fault)) throw fault
    }
  }

  #facts(name: string, view: PoolView, nowMs: number): PoolFacts {
    const { book } = this.#o
    const { space, index, pool } = view
    const { allocated, orphaned, releasing } = book.counts.of(name)
    const isGoing = pool.metadata.deletionTimestamp !== undefined
    return {
      problem: typeof space === 'string' ? space : undefined,
      counts:
        typeof space === 'string'
          ? undefined
          : {
              total: space.usable.size,
              free: index.available(nowMs),
              cooling: index.coolingCount(nowMs),
              inUse: this.#o.inUseOf(name),
              reserved: book.pools.reservedCount(view),
            },
      allocated: allocated + orphaned,
      releasing,
      holders: isGoing ? this.#holders(name) : [],
      overlaps: overlapsOf(view, book.pools.list()),
      unseen: this.#o.unseenAt(name),
      waiting: book.waitingAt(name),
      nextFreeMs: index.nextWarmMs(nowMs),
    }
  }

  #holders(name: string): string[] {
    const all = this.#byPool(name).flatMap(({ spec }) => (spec.claimRef ? [keyOfClaimant(spec.claimRef)] : []))
    return all.length > holdersNamed ? [...all.slice(0, holdersNamed), '…'] : all
  }

  /** Frees what an admin deleted, drops records that were kept long enough, and says of rested addresses that they are free. */
  async #sweep(name: string, view: PoolView | undefined): Promise<void> {
    const nowMs = this.#o.clock.now()
    const dueMs = this.#sweepMs.get(name)
    if (dueMs !== undefined && dueMs > nowMs) {
      this.queue.addAfter(name, dueMs - nowMs)
      return
    }
    const keeping = keepingOf(this.#byPool(name), {
      nowMs,
      reuseAfterMs: view?.reuseAfterMs ?? 0,
      keepRecordsMs: view?.keepRecordsMs ?? keepRecordsMs,
      isLiving: this.#o.isLiving,
    })
    const { freed, expired } = keeping
    const isMore = expired.length > writesPerSweep || keeping.rested.length > writesPerSweep
    let isHeld = false
    for (const address of freed) {
      const holder = address.spec.claimRef?.uid
      const isFreed = (now: PoolAddress): boolean => this.#isFreed(now) && now.spec.claimRef?.uid === holder
      if (await this.#mayFree(address)) await this.#o.book.freeOrphan(address, isFreed)
      else isHeld = true
    }
    for (const address of expired.slice(0, writesPerSweep)) await this.#forget(address)
    for (const address of keeping.rested.slice(0, writesPerSweep)) await this.#rest(address)
    const nextMs = isMore ? nowMs + statusEveryMs : Math.max(isHeld ? 0 : keeping.nextMs, nowMs + sweepEveryMs)
    this.#sweepMs.set(name, nextMs)
    if (Number.isFinite(nextMs)) this.queue.addAfter(name, nextMs - nowMs)
  }

  /** The kind first: where all its objects are being deleted, nobody asks for the holder of each of them. */
  async #mayFree({ metadata, spec: { claimRef, orphaned } }: PoolAddress): Promise<boolean> {
    if (this.#o.mayFree !== undefined && !(await this.#o.mayFree(metadata.uid ?? ''))) return false
    return claimRef === undefined || orphaned === true || (await this.#o.isGone(claimRef.uid, claimRef))
  }

  /** Only as it was looked at: one that was taken meanwhile stays. */
  async #forget({ metadata }: PoolAddress): Promise<void> {
    const { uid, resourceVersion } = metadata
    await this.#unlessChanged(
      this.#o.client.delete(poolAddresses, { name: metadata.name }, { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }),
    )
  }

  async #rest(address: PoolAddress): Promise<void> {
    const written = await this.#unlessChanged(this.#o.client.replace(poolAddresses, rested(address)))
    if (written) this.#o.addresses.put(written)
  }

  /** The next sweep sees the object as it is then. */
  async #unlessChanged<T>(write: Promise<T>): Promise<T | undefined> {
    try {
      return await write
    } catch (fault) {
      if (isOutdated(fault)) return undefined
      throw fault
    }
  }
}
