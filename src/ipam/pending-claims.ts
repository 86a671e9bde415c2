/** Addresses being taken, until the store shows what became of them: a write whose reply was lost must be found again, not made twice. */
import type { PoolAddress } from '../api/pooladdress.ts'
import type { Address } from './address.ts'
import { nameOf } from './records.ts'
import type { Owner, PoolIndex } from './pool-index.ts'

export interface Attempt {
  readonly owner: Owner
  readonly pool: string
  readonly scope: string
  readonly address: Address
}

export class PendingClaims {
  readonly #pools: PoolIndex
  readonly #attempts = new Map<string, Attempt>()

  constructor(pools: PoolIndex) {
    this.#pools = pools
  }

  /** From now on nobody else of this process picks the address. */
  begin(attempt: Attempt): void {
    this.#attempts.set(nameOf(attempt.address, attempt.scope), attempt)
    this.#pools.mark(attempt.address, attempt.scope, attempt.owner)
  }

  end(name: string): void {
    const attempt = this.#attempts.get(name)
    if (!attempt) return
    this.#attempts.delete(name)
    this.#pools.unmark(attempt.address, attempt.scope)
  }

  has(name: string): boolean {
    return this.#attempts.has(name)
  }

  of(uid: string): Attempt[] {
    return [...this.#attempts.values()].filter(({ owner }) => owner.uid === uid)
  }

  isUsing(pool: string): boolean {
    return [...this.#attempts.values()].some((attempt) => attempt.pool === pool)
  }

  /** The store shows the object: if it is held by the one who was taking it, that is settled. */
  shown({ metadata, spec }: PoolAddress): void {
    const owner = this.#attempts.get(metadata.name)?.owner
    if (owner && spec.claimRef?.uid === owner.uid && spec.claimRef.entry === owner.entry) this.end(metadata.name)
  }
}
