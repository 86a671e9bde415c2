/** The meters of all VMs whose package has traffic, in memory: carried on with each listing, whoever asked for it. */
import { conditionOf, isTrue } from '../api/condition.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { exceedWays, type Traffic } from '../api/traffic.ts'
import type { UsageStatus } from '../api/usage.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import { keyOf } from '../kube/keys.ts'
import type { GuestRow } from '../proxmox/listing.ts'
import type { ClusterTraffic } from '../ops/traffic-gauges.ts'
import { trafficOf } from '../want/traffic.ts'
import { periodAt } from '../want/traffic-period.ts'
import { isDue, partOf } from './due.ts'
import { advance, fill, firstMeter, type Meter, type Reading } from './meter.ts'
import { meterIn, usageRecordOf } from './record.ts'
import type { Stretch, TrafficRow } from './stretch.ts'
import { pveNowMs } from '../engine/pve-time.ts'

/** How often it is looked whether there is a new listing; it costs no request. */
const tickMs = 2_000
/** A VM that was ready for less long has no traffic of anybody else. */
const newMs = 600_000

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Known {
  readonly key: string
  readonly cluster: string
  meter: Meter
  /** measuredAt of the record that was read or written last: a later one is another process's. */
  basis: string
  isReset: boolean
  readonly part: number
}

export class TrafficMeters {
  readonly #deps: Pick<Dependencies, 'vms' | 'clusters' | 'clock'>
  readonly #vmsOf: (cluster: string) => readonly ProxmoxVM[]
  readonly #wake: (key: string) => void
  readonly #byUid = new Map<string, Known>()
  readonly #listedMs = new WeakMap<PveCluster, number>()

  /** `vmsOf`: those of one cluster. `wake`: the traffic of that VM is to be written. */
  constructor(o: {
    deps: Pick<Dependencies, 'vms' | 'clusters' | 'clock'>
    vmsOf: (cluster: string) => readonly ProxmoxVM[]
    wake: (key: string) => void
  }) {
    this.#deps = o.deps
    this.#vmsOf = o.vmsOf
    this.#wake = o.wake
    o.deps.vms.subscribe(({ old, new: now }) => {
      if (old && old.metadata.uid !== now?.metadata.uid) this.#byUid.delete(old.metadata.uid ?? '')
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const cluster of this.#deps.clusters.list()) this.#readIfNew(cluster)
      await this.#deps.clock.sleep(tickMs, signal).catch(() => undefined)
    }
  }

  #readIfNew(cluster: PveCluster): void {
    const listing = cluster.inventory.current()
    if (!listing || this.#listedMs.get(cluster) === listing.startedAtMs) return
    this.#listedMs.set(cluster, listing.startedAtMs)
    const ageMs = this.#deps.clock.monotonicMs() - listing.startedAtMs
    const atMs = pveNowMs(cluster, this.#deps) - ageMs
    for (const vm of this.#vmsOf(cluster.name)) {
      const traffic = trafficOf(vm)
      // Its package has none any more: a pass takes the record away, and lets go of a VM that was held off by it.
      if (!traffic && vm.status?.usage && vm.metadata.deletionTimestamp === undefined) this.#wake(keyOf(vm))
      const row = traffic && isCounted(vm) ? listing.guests.get(vm.status?.vmid ?? 0) : undefined
      const reading = row && readingOf(row, atMs)
      if (reading && traffic) this.#count(vm, traffic, reading)
    }
  }

  #count(vm: ProxmoxVM, traffic: Traffic, reading: Reading): void {
    // A period begins when both clocks say so: one that was set wrong opens none.
    const period = periodAt(Math.min(reading.atMs, this.#deps.clock.now()), traffic.resetDay)
    const known = this.#knownOf(vm)
    if (known) {
      const { meter, isReset } = advance(known.meter, reading, period)
      known.meter = meter
      known.isReset ||= isReset
    } else this.#learn(vm, firstMeter(period, reading, { isNew: isNew(vm, reading) }))
    if (this.due(vm)) this.#wake(keyOf(vm))
  }

  #learn(vm: ProxmoxVM, meter: Meter): Known {
    const uid = vm.metadata.uid ?? ''
    const { spec, status } = vm
    const known = {
      key: keyOf(vm),
      cluster: spec.clusterRef.name,
      meter,
      basis: status?.usage?.measuredAt ?? '',
      isReset: false,
      part: partOf(uid),
    }
    this.#byUid.set(uid, known)
    return known
  }

  /** What is in memory, else what is on record. A record of another process that is later than ours takes its place; an older one never does. */
  #knownOf(vm: ProxmoxVM): Known | undefined {
    const known = this.#byUid.get(vm.metadata.uid ?? '')
    const written = vm.status?.usage
    if (known && (!written || written.measuredAt <= known.basis)) return known
    return written && this.#learn(vm, meterIn(written))
  }

  /** The record to write; undefined: the one that is there is good enough. `isAsked`: somebody wants to see the newest. */
  due(vm: ProxmoxVM, isAsked = false): UsageStatus | undefined {
    const traffic = trafficOf(vm)
    const known = this.#knownOf(vm)
    if (!traffic || !known) return undefined
    const { meter, isReset, part, basis } = known
    const written = vm.status?.usage
    const nowMs = this.#deps.clock.now()
    // An etcd that was set back has an older record than ours.
    const isSetBack = written !== undefined && written.measuredAt < basis
    const isWanted = isAsked || isSetBack || isDue({ written, meter, traffic, part, isReset, nowMs })
    return isWanted ? usageRecordOf(meter, traffic, written) : undefined
  }

  /** That record is in the status now. */
  noteWritten({ metadata }: ProxmoxVM, { measuredAt }: UsageStatus): void {
    const known = this.#byUid.get(metadata.uid ?? '')
    if (!known) return
    known.basis = measuredAt
    known.isReset = false
  }

  /** Its package has no traffic any more. */
  forget({ metadata }: ProxmoxVM): void {
    this.#byUid.delete(metadata.uid ?? '')
  }

  /** What nobody has seen of the VMs of that cluster and is to be filled, the first of each VM. */
  gaps(cluster: string): { vm: ProxmoxVM; gap: Stretch }[] {
    const open: { vm: ProxmoxVM; gap: Stretch }[] = []
    for (const [uid, known] of this.#byUid) {
      const [gap] = known.meter.gaps
      if (!gap || known.cluster !== cluster) continue
      const vm = this.#deps.vms.get(known.key)
      if (vm?.metadata.uid === uid) open.push({ vm, gap })
    }
    return open
  }

  fill(vm: ProxmoxVM, gap: Stretch, rows: readonly TrafficRow[]): void {
    const known = this.#byUid.get(vm.metadata.uid ?? '')
    if (!known) return
    known.meter = fill(known.meter, gap, rows)
    this.#wake(known.key)
  }

  /** Sums of the period over the VMs of each cluster, for metrics. */
  sums(): ClusterTraffic[] {
    const sums = new Map<string, Mutable<ClusterTraffic> & { exceeded: Record<string, number> }>()
    for (const { cluster, meter, key } of this.#byUid.values()) {
      const none = Object.fromEntries(exceedWays.map((way) => [way, 0]))
      const sum = sums.get(cluster) ?? { cluster, receivedBytes: 0, sentBytes: 0, gaps: 0, exceeded: none }
      const way = this.#deps.vms.get(key)?.status?.usage?.exceeded
      if (way !== undefined) sum.exceeded[way] = (sum.exceeded[way] ?? 0) + 1
      sum.receivedBytes += meter.receivedBytes
      sum.sentBytes += meter.sentBytes
      sum.gaps += meter.gaps.length
      sums.set(cluster, sum)
    }
    return [...sums.values()]
  }
}

/** Its guest is there, and is its own. */
const isCounted = ({ metadata, status }: ProxmoxVM): boolean =>
  status?.firstReadyAt !== undefined &&
  metadata.deletionTimestamp === undefined &&
  status.released === undefined &&
  status.removedAt === undefined &&
  isTrue(status.conditions, 'Cloned') &&
  conditionOf(status.conditions, 'Ready')?.reason !== 'VMForeign'

function readingOf({ kind, netInBytes, netOutBytes, uptimeSeconds }: GuestRow, atMs: number): Reading | undefined {
  if (kind !== 'qemu' || netInBytes === undefined || netOutBytes === undefined) return undefined
  return { atMs, receivedBytes: netInBytes, sentBytes: netOutBytes, uptimeSeconds }
}

/** It became ready just now, and its process is no older than its clone: PVE shows the figures of a former guest of the number for some seconds. */
function isNew({ status }: ProxmoxVM, { atMs, uptimeSeconds }: Reading): boolean {
  const isYoung = atMs - Date.parse(status?.firstReadyAt ?? '') < newMs
  return isYoung && atMs - uptimeSeconds * 1000 >= Date.parse(status?.clonedAt ?? '')
}
