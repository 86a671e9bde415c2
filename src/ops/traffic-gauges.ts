/** Gauges of the traffic of VMs: sums of each cluster, since a series for each VM would outlive it. */
import { Gauge, type Registry } from 'prom-client'

/** Of the VMs of one cluster whose package has traffic. */
export interface ClusterTraffic {
  readonly cluster: string
  /** Bytes in the present period of each. */
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Times in which nobody saw the counters and that are not filled. */
  readonly gaps: number
  /** VMs past their limit, by what follows: Report, Throttle, Suspend. */
  readonly exceeded: Readonly<Record<string, number>>
}

/** Asked at each scrape; a cluster without such a VM has no series. */
export function registerTraffic(registry: Registry, traffic: () => readonly ClusterTraffic[]): void {
  gauge(
    registry,
    {
      name: 'pve_operator_traffic_bytes',
      help: 'Traffic in the present period of each, of all VMs whose package counts it; direction received or sent.',
      labels: ['cluster', 'direction'],
    },
    (set) => {
      for (const { cluster, receivedBytes, sentBytes } of traffic()) {
        set({ cluster, direction: 'received' }, receivedBytes)
        set({ cluster, direction: 'sent' }, sentBytes)
      }
    },
  )
  gauge(
    registry,
    {
      name: 'pve_operator_traffic_exceeded_vms',
      help: 'VMs whose traffic of the period is used up, by what follows: Report, Throttle, Suspend.',
      labels: ['cluster', 'action'],
    },
    (set) => {
      for (const { cluster, exceeded } of traffic()) for (const [action, vms] of Object.entries(exceeded)) set({ cluster, action }, vms)
    },
  )
  gauge(
    registry,
    {
      name: 'pve_operator_traffic_gaps',
      help: 'Times in which nobody saw the counters of a VM, and which rrddata has not filled yet.',
      labels: ['cluster'],
    },
    (set) => {
      for (const { cluster, gaps } of traffic()) set({ cluster }, gaps)
    },
  )
}

type Set = (labels: Record<string, string>, value: number) => void

function gauge(
  registry: Registry,
  { name, help, labels }: { name: string; help: string; labels: string[] },
  collect: (set: Set) => void,
): void {
  const one = new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      one.reset()
      collect((of, value) => one.set(of, value))
    },
  })
}
