import { conditionOf, isTrue } from './api/condition.ts'
import type { ProxmoxCluster } from './api/proxmoxcluster.ts'
import type { ProxmoxVM } from './api/proxmoxvm.ts'
import { keyOf } from './kube/keys.ts'
import type { Clock } from './ops/clock.ts'
import type { Sources } from './ops/gauges.ts'
import type { Listing } from './proxmox/listing.ts'
import type { Operator } from './operator.ts'
import { UnenforcedSuspensions } from './unenforced-suspensions.ts'

/** What metrics ask at each scrape. */
export function sourcesOf(operator: Operator, clock: Clock): Partial<Sources> {
  const { clusters, election, dns, kinds, ipam } = operator
  const { book, inUse } = ipam
  const unenforced = new UnenforcedSuspensions({ vms: operator.stores.vms, clock })
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
    pools: () => [
      ...book.stats().map(({ pool, state, count }) => ({ pool, state, addresses: count })),
      ...book.pools
        .list()
        .map(({ pool: { metadata } }) => ({ pool: metadata.name, state: 'in-use', addresses: inUse.countOf(metadata.name) })),
    ],
    vms: () => countVMs(operator),
    vmsByReason: () => countByReason(operator.stores.vms.list()),
    backups: () => backupFigures(operator, clock),
    clusters: () => {
      const unchecked = countUnchecked(operator)
      return [
        ...clusters.directory.list().map((cluster) => {
          const startedAtMs = cluster.inventory.current()?.startedAtMs
          return {
            cluster: cluster.name,
            reachable: cluster.inventory.unreachableSinceMs === undefined,
            authorized: isAuthorized(operator.stores.clusters.get(cluster.name)),
            nodes: countNodes(cluster.inventory.current()),
            suspensionsNotEnforced: unenforced.countOf(cluster.name),
            ...(startedAtMs !== undefined && { inventoryAgeSeconds: (clock.monotonicMs() - startedAtMs) / 1000 }),
            unchecked: unchecked.get(cluster.name) ?? 0,
            requestsInFlight: cluster.requests.inFlight,
            clonesWaiting: cluster.cloneSlots.waiting,
            unclaimed: cluster.guests.list().filter((guest) => guest.class === 'unclaimed').length,
            deletionsWaiting: cluster.deletions.waiting,
            deletionsCounted: cluster.deletions.used,
          }
        }),
        ...unasked(operator.stores.clusters.list(), (name) => clusters.directory.get(name) !== undefined),
      ]
    },
    leader: () => (election ? { name: 'pve-operator', leading: election.mayAct() } : undefined),
    caches: () => operator.caches.states(),
  }
}

/** As the ProxmoxCluster says. Undefined: PVE has not been asked. */
export function isAuthorized(cluster: ProxmoxCluster | undefined): boolean | undefined {
  const status = cluster?.status?.conditions?.find(({ type }) => type === 'Authorized')?.status
  return status === 'True' ? true : status === 'False' ? false : undefined
}

/** Clusters whose Secret has never been of use, or that another copy looks after: what their objects say. */
export const unasked = (
  clusters: readonly ProxmoxCluster[],
  isAsked: (name: string) => boolean,
): { cluster: string; authorized: boolean | undefined }[] =>
  clusters
    .filter(({ metadata }) => !isAsked(metadata.name))
    .map((cluster) => ({ cluster: cluster.metadata.name, authorized: isAuthorized(cluster) }))

/** Of the clusters that have a VM with a schedule. */
function backupFigures({ stores }: Operator, clock: Clock): { cluster: string; notMade: number; oldestNewestSeconds?: number }[] {
  const figures = new Map<string, { cluster: string; notMade: number; oldestNewestSeconds?: number }>()
  for (const { spec, status } of stores.vms.list()) {
    if (status?.package?.backups?.schedule === undefined) continue
    const cluster = spec.clusterRef.name
    const { notMade, oldestNewestSeconds } = figures.get(cluster) ?? { notMade: 0 }
    const newestMs = Date.parse(status.backups?.newest ?? '')
    const age = Number.isNaN(newestMs) ? oldestNewestSeconds : Math.max(oldestNewestSeconds ?? 0, (clock.now() - newestMs) / 1000)
    const isNotMade = conditionOf(status.conditions, 'BackedUp')?.status === 'False'
    figures.set(cluster, { cluster, notMade: notMade + Number(isNotMade), ...(age !== undefined && { oldestNewestSeconds: age }) })
  }
  return [...figures.values()]
}

/** By cluster. One that has nothing in PVE yet has nothing to be compared with. */
function countUnchecked({ stores, controller }: Operator): Map<string, number> {
  const counts = new Map<string, number>()
  for (const vm of stores.vms.list()) {
    if (vm.status?.intentAt === undefined || controller.isChecked(keyOf(vm))) continue
    counts.set(vm.spec.clusterRef.name, (counts.get(vm.spec.clusterRef.name) ?? 0) + 1)
  }
  return counts
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

/** Bounded: there are as many reasons as docs/reasons.md has. */
export function countByReason(vms: readonly ProxmoxVM[]): { cluster: string; state: string; reason: string; vms: number }[] {
  const counts = new Map<string, { cluster: string; state: string; reason: string; vms: number }>()
  for (const { spec, status } of vms) {
    const ready = conditionOf(status?.conditions, 'Ready')
    const state = isTrue(status?.conditions, 'Stalled') ? 'stalled' : (states[ready?.status ?? 'False'] ?? 'reconciling')
    const labels = { cluster: spec.clusterRef.name, state, reason: ready?.reason ?? '' }
    const key = Object.values(labels).join('/')
    counts.set(key, { ...labels, vms: (counts.get(key)?.vms ?? 0) + 1 })
  }
  return [...counts.values()]
}

const states: Readonly<Record<string, string>> = { True: 'ready', False: 'reconciling', Unknown: 'unknown' }

/** All four states, so that a count goes back to 0 and does not vanish. */
export function countNodes(listing: Listing | undefined): { state: string; nodes: number }[] {
  if (!listing) return []
  const counts = new Map(['online', 'offline', 'silent', 'maintenance'].map((state) => [state, 0]))
  for (const node of listing.nodes.values()) {
    const state = !node.online ? 'offline' : node.isInMaintenance ? 'maintenance' : node.hasFigures ? 'online' : 'silent'
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  return [...counts].map(([state, nodes]) => ({ state, nodes }))
}
