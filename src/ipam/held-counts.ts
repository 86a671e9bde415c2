/** How many addresses of each pool are held, counted as they change and never by looking through all. */
import type { PoolAddress } from '../api/pooladdress.ts'
import type { Store } from '../kube/store.ts'

export interface Held {
  /** By VMs whose object is there. */
  allocated: number
  orphaned: number
}

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
    return this.#byPool.get(pool) ?? { allocated: 0, orphaned: 0 }
  }

  #count({ spec }: PoolAddress, by: 1 | -1): void {
    if (!spec.claimRef) return
    const held = this.#byPool.get(spec.poolRef.name) ?? { allocated: 0, orphaned: 0 }
    held[spec.orphaned ? 'orphaned' : 'allocated'] += by
    if (held.allocated + held.orphaned === 0) this.#byPool.delete(spec.poolRef.name)
    else this.#byPool.set(spec.poolRef.name, held)
  }
}
