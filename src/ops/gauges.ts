import { Gauge, type Registry } from 'prom-client'

/** One value at the moment of the scrape. */
export interface Sample {
  labels: Record<string, string>
  value: number
}

/** What is asked at each scrape. Every answer is the whole truth: a series that is not in it is gone. */
export interface Sources {
  /** One for each controller. `depth` keys are due, the oldest for so many seconds; `active` of `workers` workers are at work. */
  queues(): readonly {
    name: string
    depth: number
    oldestAgeSeconds: number
    active: number
    workers: number
    unfinishedSeconds: number
    longestRunningSeconds: number
  }[]
  /** `state`: free, allocated, cooling, reserved, orphaned, in-use. Numbers of IPv6 pools lose precision above 2^53, which no alert minds. */
  pools(): readonly { pool: string; state: string; addresses: number }[]
  /** Local status as in `kubectl get pvm`; empty while there is none yet. */
  vms(): readonly { cluster: string; localStatus: string; vms: number }[]
  /** `state`: ready, reconciling, stalled (a person must act), unknown. `reason` is that of Ready, empty while there is none. */
  vmsByReason(): readonly { cluster: string; state: string; reason: string; vms: number }[]
  clusters(): readonly {
    cluster: string
    /** Undefined: PVE is not asked here. */
    reachable?: boolean
    /** PVE knows the token, as far as the ProxmoxCluster says; undefined until it has been asked. */
    authorized?: boolean | undefined
    /** `state`: online, offline, silent (online without figures), maintenance. */
    nodes?: readonly { state: string; nodes: number }[]
    /** Suspended VMs that run for longer than their shutdown may take. */
    suspensionsNotEnforced?: number
    inventoryAgeSeconds?: number
    /** VMs with a guest on record that this process has not compared with a listing yet. */
    unchecked?: number
    requestsInFlight?: number
    clonesWaiting?: number
    /** Guests with our mark whose object is no more. */
    unclaimed?: number
    deletionsWaiting?: number
    deletionsCounted?: number
  }[]
  /** VMs whose package has a schedule of backups: those whose newest backup of it failed or was missed, and the age of the newest backup that is oldest. */
  backups(): readonly { cluster: string; notMade: number; oldestNewestSeconds?: number }[]
  /** CustomResourceDefinitions of ours that are being deleted. */
  kinds(): { leaving: number } | undefined
  /** VMs that wait for their DNS records, and how long the first of them has. */
  dns(): { vms: number; oldestSeconds: number } | undefined
  leader(): { name: string; leading: boolean } | undefined
  /** Reflectors by resource: synced, and seconds since the API server was last heard. */
  caches(): readonly { resource: string; objects: number; synced: boolean; silentSeconds?: number }[]
}

interface Definition {
  name: string
  help: string
  labels: readonly string[]
  samples: (from: Sources) => Sample[]
}

const definitions: readonly Definition[] = [
  {
    name: 'workqueue_depth',
    help: 'Keys that are due and wait for a worker.',
    labels: ['name'],
    samples: (from) => ofQueues(from, 'name', (q) => q.depth),
  },
  {
    name: 'pve_operator_queue_oldest_seconds',
    help: 'How long the key that waits longest has been due.',
    labels: ['name'],
    samples: (from) => ofQueues(from, 'name', (q) => q.oldestAgeSeconds),
  },
  {
    name: 'workqueue_unfinished_work_seconds',
    help: 'Seconds spent so far on keys whose work has not ended, all together.',
    labels: ['name'],
    samples: (from) => ofQueues(from, 'name', (q) => q.unfinishedSeconds),
  },
  {
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the pass that has run longest has run so far.',
    labels: ['name'],
    samples: (from) => ofQueues(from, 'name', (q) => q.longestRunningSeconds),
  },
  {
    name: 'controller_runtime_active_workers',
    help: 'Passes under way.',
    labels: ['controller'],
    samples: (from) => ofQueues(from, 'controller', (q) => q.active),
  },
  {
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Passes there may be at a time, of each cluster; 0 in a copy that does not lead.',
    labels: ['controller'],
    samples: (from) => ofQueues(from, 'controller', (q) => q.workers),
  },
  {
    name: 'pve_operator_pool_addresses',
    help: 'Addresses of an IPPool by state.',
    labels: ['pool', 'state'],
    samples: (from) => from.pools().map((p) => ({ labels: { pool: p.pool, state: p.state }, value: p.addresses })),
  },
  {
    name: 'pve_operator_vms',
    help: 'ProxmoxVMs by cluster and local status.',
    labels: ['cluster', 'local_status'],
    samples: (from) => from.vms().map((v) => ({ labels: { cluster: v.cluster, local_status: v.localStatus }, value: v.vms })),
  },
  {
    name: 'pve_operator_vms_by_reason',
    help: 'ProxmoxVMs by cluster, state of Ready and reason.',
    labels: ['cluster', 'state', 'reason'],
    samples: (from) => from.vmsByReason().map(({ vms, ...labels }) => ({ labels, value: vms })),
  },
  {
    name: 'pve_operator_suspensions_not_enforced',
    help: 'Suspended VMs that have run for two minutes longer than their shutdownTimeout.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.suspensionsNotEnforced),
  },
  {
    name: 'pve_operator_nodes',
    help: 'Nodes of a Proxmox VE cluster by state.',
    labels: ['cluster', 'state'],
    samples: (from) =>
      from
        .clusters()
        .flatMap(({ cluster, nodes }) => (nodes ?? []).map((each) => ({ labels: { cluster, state: each.state }, value: each.nodes }))),
  },
  {
    name: 'pve_operator_cluster_authorized',
    help: '0 while Proxmox VE refuses the token, the token lacks privileges, or its Secret is missing or incomplete; absent until the operator has asked Proxmox VE.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => (c.authorized === undefined ? undefined : Number(c.authorized))),
  },
  {
    name: 'pve_operator_cluster_reachable',
    help: '1 while Proxmox VE answers.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => (c.reachable === undefined ? undefined : Number(c.reachable))),
  },
  {
    name: 'pve_operator_inventory_age_seconds',
    help: 'Age of the newest complete listing of a cluster.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.inventoryAgeSeconds),
  },
  {
    name: 'pve_operator_vms_unchecked',
    help: 'VMs that this process has not compared with Proxmox VE since it leads.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.unchecked),
  },
  {
    name: 'pve_operator_pve_requests_in_flight',
    help: 'Requests to a cluster that wait for their answer.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.requestsInFlight),
  },
  {
    name: 'pve_operator_clones_waiting',
    help: 'VMs that wait for a clone slot.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.clonesWaiting),
  },
  {
    name: 'pve_operator_unclaimed_guests',
    help: 'Guests in PVE with the owner line of the operator whose ProxmoxVM no longer exists.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.unclaimed),
  },
  {
    name: 'pve_operator_deletions_waiting',
    help: 'VMs that are not destroyed yet because limits.deletions of their cluster has no room.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.deletionsWaiting),
  },
  {
    name: 'pve_operator_backups_not_made',
    help: 'VMs whose newest backup by the schedule of their package failed or was missed (BackedUp=False).',
    labels: ['cluster'],
    samples: (from) => from.backups().map((each) => ({ labels: { cluster: each.cluster }, value: each.notMade })),
  },
  {
    name: 'pve_operator_backup_age_seconds',
    help: 'Age of the newest backup of the VM with a schedule that has the oldest one.',
    labels: ['cluster'],
    samples: (from) =>
      from.backups().flatMap(({ cluster, oldestNewestSeconds: value }) => (value === undefined ? [] : [{ labels: { cluster }, value }])),
  },
  {
    name: 'pve_operator_deletions_counted',
    help: 'VMs destroyed inside the window of limits.deletions.',
    labels: ['cluster'],
    samples: (from) => ofClusters(from, (c) => c.deletionsCounted),
  },
  {
    name: 'pve_operator_crds_leaving',
    help: 'CustomResourceDefinitions of pve.hosting that are being deleted; meanwhile no VM is taken down.',
    labels: [],
    samples: (from) => [from.kinds()].flatMap((kinds) => (kinds ? [{ labels: {}, value: kinds.leaving }] : [])),
  },
  {
    name: 'pve_operator_dns_waiting_vms',
    help: 'VMs whose DNS records are not as wanted.',
    labels: [],
    samples: (from) => [from.dns()].flatMap((dns) => (dns ? [{ labels: {}, value: dns.vms }] : [])),
  },
  {
    name: 'pve_operator_dns_oldest_wait_seconds',
    help: 'How long the VM that waits longest for its DNS records has.',
    labels: [],
    samples: (from) => [from.dns()].flatMap((dns) => (dns ? [{ labels: {}, value: dns.oldestSeconds }] : [])),
  },
  {
    name: 'leader_election_master_status',
    help: '1 in the process that leads.',
    labels: ['name'],
    samples: (from) => [from.leader()].flatMap((l) => (l ? [{ labels: { name: l.name }, value: Number(l.leading) }] : [])),
  },
  {
    name: 'pve_operator_cache_objects',
    help: 'Objects held of a watched resource.',
    labels: ['resource'],
    samples: (from) => from.caches().map((c) => ({ labels: { resource: c.resource }, value: c.objects })),
  },
  {
    name: 'pve_operator_cache_synced',
    help: '1 once the first list of a watched resource is complete.',
    labels: ['resource'],
    samples: (from) => from.caches().map((c) => ({ labels: { resource: c.resource }, value: Number(c.synced) })),
  },
  {
    name: 'pve_operator_watch_silent_seconds',
    help: 'Seconds since the API server was last heard on a watch (bookmarks count).',
    labels: ['resource'],
    samples: (from) =>
      from.caches().flatMap((c) => (c.silentSeconds === undefined ? [] : [{ labels: { resource: c.resource }, value: c.silentSeconds }])),
  },
]

/** Registers gauges that ask at scrape time: a series is there exactly as long as the thing it counts. A source that is left out has no gauge. */
export function registerGauges(registry: Registry, sources: Partial<Sources>): void {
  const asked: Sources = { ...silent, ...sources }
  for (const { name, help, labels, samples } of definitions) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        gauge.reset()
        for (const sample of samples(asked)) gauge.set(sample.labels, sample.value)
      },
    })
  }
}

const silent: Sources = {
  kinds: () => undefined,
  queues: () => [],
  pools: () => [],
  vms: () => [],
  vmsByReason: () => [],
  backups: () => [],
  clusters: () => [],
  leader: () => undefined,
  dns: () => undefined,
  caches: () => [],
}

function ofQueues(from: Sources, label: string, value: (q: ReturnType<Sources['queues']>[number]) => number): Sample[] {
  return from.queues().map((q) => ({ labels: { [label]: q.name }, value: value(q) }))
}

function ofClusters(from: Sources, value: (c: ReturnType<Sources['clusters']>[number]) => number | undefined): Sample[] {
  return from.clusters().flatMap((c) => {
    const amount = value(c)
    return amount === undefined ? [] : [{ labels: { cluster: c.cluster }, value: amount }]
  })
}
