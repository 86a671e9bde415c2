/** Fills the times in which nobody saw the counters of a VM from the averages PVE keeps: one request for each gap, one after another. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import type { BackgroundSource } from '../ops/background-budget.ts'
import { judge } from '../proxmox/failures.ts'
import type { TrafficMeters } from './meters.ts'
import { timeframeFor } from './stretch.ts'
import { pveNowMs } from '../engine/pve-time.ts'

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

/** Those of the VMs of one cluster. */
export class GapFiller {
  readonly #deps: Pick<Dependencies, 'clock' | 'log'>
  readonly #meters: TrafficMeters
  readonly #cluster: PveCluster
  /** By uid of the VM and beginning of the gap. */
  readonly #tried = new Map<string, Tried>()
  #isReading = false

  constructor(o: { deps: Pick<Dependencies, 'clock' | 'log'>; meters: TrafficMeters; cluster: PveCluster }) {
    this.#deps = o.deps
    this.#meters = o.meters
    this.#cluster = o.cluster
  }

  readonly background: BackgroundSource = {
    weight: 1,
    next: () => {
      const one = this.#isReading ? undefined : this.#nextOpen()
      return one && { rank: 'round', requests: 1, begin: () => void this.#fill(one) }
    },
  }

  #nextOpen(): Open | undefined {
    const open = this.#meters.gaps(this.#cluster.name)
    if (this.#tried.size > 0) this.#forgetBut(new Set(open.map(nameOf)))
    const nowMs = this.#deps.clock.monotonicMs()
    const settledBeforeMs = this.#pveNowMs() - settledMs
    return open.find((one) => one.gap.toMs <= settledBeforeMs && (this.#tried.get(nameOf(one))?.notBeforeMs ?? 0) <= nowMs)
  }

  #forgetBut(names: ReadonlySet<string>): void {
    for (const name of this.#tried.keys()) if (!names.has(name)) this.#tried.delete(name)
  }

  async #fill(one: Open): Promise<void> {
    const { node = '', vmid = 0 } = one.vm.status ?? {}
    this.#isReading = true
    try {
      const rows = await this.#cluster.pve.support({ node, vmid }).averages(timeframeFor(one.gap.fromMs, this.#pveNowMs()))
      this.#meters.fill(one.vm, one.gap, rows)
    } catch (fault) {
      this.#failed(one, judge(fault).message)
    } finally {
      this.#isReading = false
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

  #pveNowMs = (): number => pveNowMs(this.#cluster, this.#deps)
}

type Open = ReturnType<TrafficMeters['gaps']>[number]

const nameOf = ({ vm, gap }: Open): string => `${vm.metadata.uid} ${gap.fromMs}`
