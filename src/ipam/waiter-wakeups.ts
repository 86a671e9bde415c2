/** Calls those who wait at a pool when it is worth asking again, in their order. */
import type { Clock } from '../ops/clock.ts'
import { type Claimant, keyOfClaimant } from './claim.ts'
import { availabilityOf } from './choice.ts'
import type { PoolView, PoolIndex } from './pool-index.ts'
import type { UsableAddresses } from './usable.ts'
import { comeWithinMs, servable, type Waiter, type Waiters, type AddressWish } from './waiters.ts'

/** Called when VMs that wait at the pool may be served, with those VMs in the order in which they came. */
export type OnFreed = (pool: string, next: readonly Pick<Claimant, 'namespace' | 'name'>[]) => void

export class WaiterWakeups {
  readonly #waiters: Waiters
  readonly #pools: PoolIndex
  readonly #clock: Clock
  readonly #onFreed: OnFreed
  readonly #timers = new Map<string, () => void>()
  #isClosed = false

  constructor(o: { waiters: Waiters; pools: PoolIndex; clock: Clock; onFreed: OnFreed }) {
    this.#waiters = o.waiters
    this.#pools = o.pools
    this.#clock = o.clock
    this.#onFreed = o.onFreed
  }

  wait(pool: string, who: Claimant, entry: string, wish: AddressWish): void {
    this.#waiters.join(pool, who, entry, wish)
    this.#look(pool)
  }

  /** This entry waits no longer: those behind it move up. */
  leave(pool: string, uid: string, entry: string): void {
    if (this.#waiters.leave(uid, entry)) this.#look(pool)
  }

  /** `spec`: whatever made them wait may be gone or different now, so everybody asks again and keeps its place. */
  poolChanged(pool: string, what: 'spec' | 'addresses'): void {
    if (what === 'spec') this.#call(pool, this.#waiters.line(pool))
    this.#look(pool)
  }

  /** Nobody is called any more, and no timer keeps the process alive. */
  close(): void {
    this.#isClosed = true
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  namespaceChanged(namespace: string): void {
    for (const pool of this.#waiters.pools()) {
      this.#call(
        pool,
        this.#waiters.line(pool).filter(({ who, wish }) => who.namespace === namespace && wish === 'pool'),
      )
    }
  }

  /** Calls whom the free addresses serve, and comes back when the next one has rested or somebody did not come. */
  #look(pool: string): void {
    this.#timers.get(pool)?.()
    this.#timers.delete(pool)
    const nowMs = this.#clock.now()
    const sinceMs = this.#clock.monotonicMs()
    this.#waiters.passOver(pool, sinceMs)
    const line = this.#waiters.line(pool)
    const view = this.#pools.view(pool)
    if (line.length === 0 || !view || typeof view.space === 'string') return
    const open = { ...view, space: view.space }
    const served = servable(line, view.index.available(nowMs), (value) => availabilityOf(this.#pools, open, value, nowMs))
    this.#call(
      pool,
      served.filter(({ wokenMs }) => wokenMs === undefined),
    )
    const inMs = this.#nextInMs(open, line, { nowMs, sinceMs })
    if (Number.isFinite(inMs))
      this.#timers.set(
        pool,
        this.#clock.after(Math.max(1, inMs), () => this.#look(pool)),
      )
  }

  #call(pool: string, waiters: readonly Waiter[]): void {
    if (waiters.length === 0 || this.#isClosed) return
    for (const waiter of waiters) waiter.wokenMs = this.#clock.monotonicMs()
    const vms = new Map(waiters.map(({ who }) => [keyOfClaimant(who), { namespace: who.namespace, name: who.name }]))
    this.#onFreed(pool, [...vms.values()])
  }

  /** `nowMs`: since the epoch, as records are dated; `sinceMs`: the same moment by the clock that never jumps, as the called are. */
  #nextInMs(view: PoolView & { space: UsableAddresses }, line: readonly Waiter[], { nowMs, sinceMs }: { nowMs: number; sinceMs: number }) {
    const moments = line.map(({ wish, wokenMs }) => {
      if (wokenMs !== undefined) return wokenMs + comeWithinMs - sinceMs
      if (typeof wish !== 'bigint') return Infinity
      const standing = this.#pools.availability(view, { family: view.space.family, value: wish }, nowMs)
      return standing.is === 'cooling' ? standing.byMs - nowMs : Infinity
    })
    return moments.reduce((a, b) => Math.min(a, b), (view.index.nextWarmMs(nowMs) ?? Infinity) - nowMs)
  }
}
