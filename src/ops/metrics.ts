import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { QueueMetrics } from './queue-metrics.ts'

/**
 * What is counted. Names of controller-runtime and client-go where dashboards exist for them, `pve_operator_…` for what is ours.
 * No label ever names a VM: 5,000 series cost 23 ms of the event loop on each scrape, and they outlive their object.
 */
export class Metrics {
  readonly registry = new Registry()
  readonly #own = { registers: [this.registry] }

  constructor(build: { version: string }) {
    collectDefaultMetrics({ register: this.registry })
    const info = new Gauge({
      name: 'pve_operator_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      ...this.#own,
    })
    info.set({ version: build.version, node: process.versions.node }, 1)
  }

  readonly queues = new QueueMetrics(this.registry)
  readonly #stepSeconds = new Histogram({
    name: 'pve_operator_step_seconds',
    help: 'From the beginning of a step to its end, tasks of PVE included.',
    labelNames: ['step', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800],
    ...this.#own,
  })
  readonly #readySeconds = new Histogram({
    name: 'pve_operator_vm_ready_seconds',
    help: 'From the creation of a ProxmoxVM to its first Ready.',
    labelNames: ['cluster'],
    buckets: [1, 2, 3, 5, 8, 13, 21, 34, 55, 120, 300, 600, 1800],
    ...this.#own,
  })
  readonly #commands = new Counter({
    name: 'pve_operator_commands_total',
    help: 'ProxmoxVMCommands that ended, by how: reason Succeeded, or why they failed.',
    labelNames: ['command', 'reason'],
    ...this.#own,
  })
  readonly #pveRequests = new Counter({
    name: 'pve_operator_pve_requests_total',
    help: 'Requests to Proxmox VE by route template; status 0 is an answer that never came.',
    labelNames: ['cluster', 'method', 'route', 'status'],
    ...this.#own,
  })
  readonly #pveSeconds = new Histogram({
    name: 'pve_operator_pve_request_seconds',
    help: 'Latency of requests to Proxmox VE.',
    labelNames: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ...this.#own,
  })
  readonly #kubeRequests = new Counter({
    name: 'pve_operator_kube_requests_total',
    help: 'Requests to the Kubernetes API; status 0 is an answer that never came.',
    labelNames: ['verb', 'resource', 'status'],
    ...this.#own,
  })
  readonly #kubeSeconds = new Histogram({
    name: 'pve_operator_kube_request_seconds',
    help: 'Latency of requests to the Kubernetes API, watches apart.',
    labelNames: ['verb', 'resource'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ...this.#own,
  })
  readonly #kubePutOff = new Counter({
    name: 'pve_operator_kube_put_off_seconds_total',
    help: 'Seconds waited because the Kubernetes API asked to come back later (429 or 503 with Retry-After).',
    labelNames: ['verb', 'resource'],
    ...this.#own,
  })
  readonly #eventsDropped = new Counter({
    name: 'pve_operator_events_dropped_total',
    help: 'Events given up: too many waited, or the Kubernetes API refused.',
    ...this.#own,
  })

  readonly #dnsOperations = new Counter({
    name: 'pve_operator_dns_operations_total',
    help: 'Questions to and changes at DNS servers; outcome ok, or the kind of the fault.',
    labelNames: ['provider', 'operation', 'outcome'],
    ...this.#own,
  })
  readonly #dnsSeconds = new Histogram({
    name: 'pve_operator_dns_sync_seconds',
    help: 'From a change of names or addresses of a VM to its records in DNS.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3600],
    ...this.#own,
  })

  stepEnded(step: string, outcome: string, seconds: number): void {
    this.#stepSeconds.observe({ step, outcome }, seconds)
  }

  becameReady(cluster: string, seconds: number): void {
    this.#readySeconds.observe({ cluster }, seconds)
  }

  commandEnded(command: string, reason: string): void {
    this.#commands.inc({ command, reason })
  }

  /** `route` is the template, `/nodes/{node}/qemu/{vmid}/config`, never a path with numbers in it. */
  pveRequest(x: { cluster: string; method: string; route: string; status: number; seconds: number }): void {
    this.#pveRequests.inc({ cluster: x.cluster, method: x.method, route: x.route, status: String(x.status) })
    this.#pveSeconds.observe({ method: x.method, route: x.route }, x.seconds)
  }

  kubeRequest(x: { verb: string; resource: string; status: number; seconds: number }): void {
    this.#kubeRequests.inc({ verb: x.verb, resource: x.resource, status: String(x.status) })
    if (x.verb !== 'WATCH') this.#kubeSeconds.observe({ verb: x.verb, resource: x.resource }, x.seconds)
  }

  kubePutOff(x: { verb: string; resource: string; seconds: number }): void {
    this.#kubePutOff.inc({ verb: x.verb, resource: x.resource }, x.seconds)
  }

  eventDropped(): void {
    this.#eventsDropped.inc()
  }

  dnsOperation(x: { provider: string; operation: string; outcome: string }): void {
    this.#dnsOperations.inc({ provider: x.provider, operation: x.operation, outcome: x.outcome })
  }

  /** The records of a VM are in DNS, so long after they were wanted. */
  dnsSynchronised(seconds: number): void {
    this.#dnsSeconds.observe(seconds)
  }

  /** A ProxmoxCluster is gone: its series go with it. Those of gauges do so by themselves, see gauges.ts. */
  async forgetCluster(cluster: string): Promise<void> {
    for (const counter of [this.#pveRequests, this.#readySeconds]) {
      const series = (await counter.get()).values
      for (const labels of series.map((s) => s.labels).filter((l) => l.cluster === cluster)) counter.remove(withoutBucket(labels))
    }
  }

  /** The exposition text and its content type. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() }
  }
}

/** A histogram lists one value a bucket; its series is named by the other labels alone. */
function withoutBucket(labels: Partial<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string | number] => entry[0] !== 'le' && entry[1] !== undefined),
  )
}
