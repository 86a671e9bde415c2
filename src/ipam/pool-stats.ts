/** Addresses by pool and state, for metrics. */
import type { HeldCounts } from './held-counts.ts'
import type { PoolIndex } from './pool-index.ts'

export interface PoolStat {
  readonly pool: string
  readonly state: 'allocated' | 'releasing' | 'orphaned' | 'free' | 'cooling' | 'reserved'
  readonly count: number
}

/** Each address counts once. A pool of IPv6 may have more than a number holds exactly. */
export function poolStats(pools: PoolIndex, counts: HeldCounts, nowMs: number): PoolStat[] {
  return pools.list().flatMap((view) => {
    const pool = view.pool.metadata.name
    const { allocated, orphaned, releasing } = counts.of(pool)
    return [
      { pool, state: 'allocated' as const, count: allocated - releasing },
      { pool, state: 'releasing' as const, count: releasing },
      { pool, state: 'orphaned' as const, count: orphaned },
      { pool, state: 'free' as const, count: Number(view.index.available(nowMs)) },
      { pool, state: 'cooling' as const, count: view.index.coolingCount(nowMs) },
      { pool, state: 'reserved' as const, count: pools.reservedCount(view) },
    ]
  })
}
