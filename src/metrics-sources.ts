import type { Clock } from './ops/clock.ts'
import type { Sources } from './ops/gauges.ts'
import type { Operator } from './operator.ts'

/** What metrics ask at each scrape. */
export function sourcesOf(operator: Operator, clock: Clock): Partial<Sources> {
  const { book, clusters, election, dns, kinds } = operator
  return {
    queues: () =>
      operator.queues.map(({ name, queue }) => ({
        name,
        depth: queue.depth,
        oldestAgeSeconds: queue.oldestAgeSeconds,
        active: queue.running,
        workers: queue.workers,
        unfinishedSeconds: queue.unfinishedSeconds.all,
        longestRunningSeconds: queue.unfinishedSeconds.longest,
      })),
    dns: () => dns.lag,
    kinds: () => ({ leaving: kinds.leaving.length }),
    pools: () => book.stats().map(({ pool, state, count }) => ({ pool, state, addresses: count })),
    vms: () => countVMs(operator),
    clusters: () =>
      clusters.directory.list().map((cluster) => {
        const startedAtMs = cluster.inventory.current()?.startedAtMs
        return {
          cluster: cluster.name,
          reachable: cluster.inventory.unreachableSinceMs === undefined,
          ...(startedAtMs !== undefined && { inventoryAgeSeconds: (clock.monotonicMs() - startedAtMs) / 1000 }),
          requestsInFlight: cluster.requests.inFlight,
          clonesWaiting: cluster.cloneSlots.waiting,
          deletionsWaiting: cluster.deletions.waiting,
          deletionsCounted: cluster.deletions.used,
        }
      }),
    leader: () => (election ? { name: 'pve-operator', leading: election.leading } : undefined),
    caches: () => operator.caches(),
  }
}

function countVMs({ stores }: Operator): { cluster: string; localStatus: string; vms: number }[] {
  const counts = new Map<string, { cluster: string; localStatus: string; vms: number }>()
  for (const vm of stores.vms.list()) {
    const cluster = vm.spec.clusterRef.name
    const localStatus = vm.status?.localStatus ?? ''
    const count = counts.get(`${cluster}/${localStatus}`) ?? { cluster, localStatus, vms: 0 }
    count.vms++
    counts.set(`${cluster}/${localStatus}`, count)
  }
  return [...counts.values()]
}
