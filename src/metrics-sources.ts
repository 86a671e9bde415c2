import type { Clock } from './ops/clock.ts'
import type { Sources } from './ops/gauges.ts'
import { type Operator, workers } from './operator.ts'

/** What metrics ask at each scrape. */
export function sourcesOf(operator: Operator, clock: Clock): Partial<Sources> {
  const { queue, clusterQueue, book, inUse, clusters, election, dns } = operator
  return {
    queues: () =>
      [
        { name: 'proxmoxvm', queue },
        { name: 'proxmoxcluster', queue: clusterQueue },
        { name: 'dns', queue: dns.vmQueue },
        { name: 'dnszone', queue: dns.zoneQueue },
      ].map(({ name, queue: q }) => ({ name, depth: q.depth, oldestAgeSeconds: q.oldestAgeSeconds, retries: q.delayed })),
    dns: () => dns.lag,
    workers: () => [{ controller: 'proxmoxvm', active: queue.running, limit: workers }],
    pools: () => [
      ...book.stats().map(({ pool, state, count }) => ({ pool, state, addresses: count })),
      ...book.pools
        .list()
        .map(({ pool: { metadata } }) => ({ pool: metadata.name, state: 'in-use', addresses: inUse.countOf(metadata.name) })),
    ],
    vms: () => countVMs(operator),
    clusters: () =>
      clusters.directory.list().map((cluster) => {
        const startedAtMs = cluster.inventory.current()?.startedAtMs
        return {
          cluster: cluster.name,
          reachable: cluster.inventory.unreachableSinceMs === undefined,
          ...(startedAtMs !== undefined && { inventoryAgeSeconds: (clock.now() - startedAtMs) / 1000 }),
          requestsInFlight: cluster.requests.inFlight,
          clonesWaiting: cluster.cloneSlots.waiting,
          unclaimed: cluster.guests.list().filter((guest) => guest.class === 'unclaimed').length,
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
