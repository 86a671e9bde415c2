/** Fills the times in which nobody saw the counters of a VM from the averages PVE keeps: one request for each gap, one after another. */
import type { Dependencies } from '../engine/dependencies.ts'
import { judge } from '../proxmox/failures.ts'
import type { TrafficMeters } from './meters.ts'
import { type Stretch, timeframeFor } from './stretch.ts'

/** Between two requests: a share of the background reading, and only while there are gaps. */
const paceMs = 5_000
/** PVE keeps one average a minute, and writes it a little later. */
const settledMs = 150_000
const firstPauseMs = 60_000
const longestPauseMs = 3_600_000
/** About nine hours; then the gap counts as nothing. */
const mostTries = 15

interface Tried {
  readonly times: number
  readonly notBeforeMs: number
}

export class GapFiller {
  readonly #deps: Pick<Dependencies, 'clusters' | 'clock' | 'log'>
  readonly #meters: TrafficMeters
  /** By uid of the VM and beginning of the gap. */
  readonly #tried = new Map<string, Tried>()

  constructor(o: { deps: Pick<Dependencies, 'clusters' | 'clock' | 'log'>; meters: TrafficMeters }) {
    this.#deps = o.deps
    this.#meters = o.meters
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(paceMs, signal).catch(() => undefined)
      if (signal.aborted) return
      await this.#fillOne()
    }
  }

  async #fillOne(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs()
    const open = this.#meters.gaps()
    const names = new Set(open.map(nameOf))
    for (const name of this.#tried.keys()) if (!names.has(name)) this.#tried.delete(name)
    for (const one of open) {
      const cluster = this.#deps.clusters.get(one.vm.spec.clusterRef.name)
      if (!cluster || cluster.inventory.unreachableSinceMs !== undefined) continue
      const pveNowMs = this.#deps.clock.now() + cluster.clockSkewMs
      if (pveNowMs - one.gap.toMs < settledMs || (this.#tried.get(nameOf(one))?.notBeforeMs ?? 0) > nowMs) continue
      const { node = '', vmid = 0 } = one.vm.status ?? {}
      try {
        const rows = await cluster.pve.support({ node, vmid }).averages(timeframeFor(one.gap.fromMs, pveNowMs))
        this.#meters.fill(one.vm, one.gap, rows)
      } catch (fault) {
        this.#failed(one, judge(fault).message)
      }
      return
    }
  }

  #failed(one: Open, why: string): void {
    const times = (this.#tried.get(nameOf(one))?.times ?? 0) + 1
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (times - 1))
    this.#tried.set(nameOf(one), { times, notBeforeMs: this.#deps.clock.monotonicMs() + pauseMs })
    const isOver = times >= mostTries
    this.#deps.log.warn(
      { vmid: one.vm.status?.vmid, from: new Date(one.gap.fromMs).toISOString() },
      `failed to read the traffic PVE keeps of a time that nobody saw: ${why} ${isOver ? 'It counts as nothing.' : 'Retrying.'}`,
    )
    if (isOver) this.#meters.fill(one.vm, one.gap, [])
  }
}

type Open = ReturnType<TrafficMeters['gaps']>[number] & { readonly gap: Stretch }

const nameOf = ({ vm, gap }: Open): string => `${vm.metadata.uid} ${gap.fromMs}`
