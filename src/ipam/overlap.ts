/** Pools that could give the same address (pure). */
import { type PoolView } from './pool-index.ts'
import { describeIntervals } from './usable.ts'

/** A phrase for each other pool of the scope that may give some of the addresses of this one: at most five. */
export function overlapsOf(view: PoolView, all: readonly PoolView[]): string[] {
  const { space } = view
  if (typeof space === 'string') return []
  return all
    .flatMap((other) => {
      const isSame = other.pool.metadata.name === view.pool.metadata.name
      if (isSame || other.scope !== view.scope || typeof other.space === 'string' || other.space.family !== space.family) return []
      const both = space.usable.meet(other.space.usable)
      return both.size === 0n ? [] : [`IPPool ${other.pool.metadata.name} has ${describeIntervals(space.family, both)} too`]
    })
    .toSorted()
    .slice(0, 5)
}
