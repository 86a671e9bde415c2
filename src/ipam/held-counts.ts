/** How many addresses of each pool are held, counted as they change and never by looking through all. */
import type { PoolAddress } from '../api/pooladdress.ts'
import type { Store } from '../kube/store.ts'
import { isReleasing } from './records.ts'

export interface Held {
  /** By VMs whose object is there. */
  allocated: number
  orphaned: number
  /** Of `allocated`: no longer asked for, and the guest may still use them. */
  releasing: number
}

const none: Readonly<Held> = { allocated: 0, orphaned: 0, releasing: 0 }

export class HeldCounts {
  readonly #byPool = new Map<string, Held>()

  constructor(addresses: Store<PoolAddress>) {
    for (const address of addresses.list()) this.#count(address, 1)
    addresses.subscribe(({ old, new: now }) => {
      if (old) this.#count(old, -1)
      if (now) this.#count(now, 1)
    })
  }

  of(pool: string): Readonly<Held> {
    return this.#byPool.get(pool) ?? none
  }

  #count(address: PoolAddress, by: 1 | -1): void {
    const { spec } = address
    if (!spec.claimRef) return
    const held = this.#byPool.get(spec.poolRef.name) ?? { ...none }
    held[spec.orphaned ? 'orphaned' : 'allocated'] += by
    if (isReleasing(address)) held.releasing += by
    if (held.allocated + held.orphaned === 0) this.#byPool.delete(spec.poolRef.name)
    else this.#byPool.set(spec.poolRef.name, held)
  }
}
