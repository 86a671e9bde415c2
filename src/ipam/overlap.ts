/** Pools that could give the same address (pure). */
import { type Shelf } from './pool-index.ts'
import { describeIntervals } from './usable.ts'

/** A phrase for each other pool of the scope that may give some of the addresses of this one: at most five. */
export function overlapsOf(shelf: Shelf, all: readonly Shelf[]): string[] {
  const { room } = shelf
  if (typeof room === 'string') return []
  return all
    .flatMap((other) => {
      const isSame = other.pool.metadata.name === shelf.pool.metadata.name
      if (isSame || other.scope !== shelf.scope || typeof other.room === 'string' || other.room.family !== room.family) return []
      const both = room.usable.meet(other.room.usable)
      return both.size === 0n ? [] : [`IPPool ${other.pool.metadata.name} has ${describeIntervals(room.family, both)} too`]
    })
    .toSorted()
    .slice(0, 5)
}
