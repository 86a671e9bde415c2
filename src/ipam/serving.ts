/** Which pools an address of a guest can be of (pure). */
import type { IPPool } from '../api/ippool.ts'

/** Pools that have the address and may give it to VMs of the cluster: those that name the cluster, or else those that serve every one. */
export function poolsServing(pools: readonly IPPool[], cluster: string, has: (pool: IPPool) => boolean): IPPool[] {
  const named = pools.filter(({ spec }) => spec.clusterRefs?.some(({ name }) => name === cluster)).filter(has)
  return named.length > 0 ? named : pools.filter(({ spec }) => spec.clusterRefs === undefined).filter(has)
}
