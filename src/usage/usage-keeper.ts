/** What goes on about the usage of VMs: the meters of their traffic, the filling of gaps, and what each pass writes of them. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import type { BackgroundSource } from '../ops/background-budget.ts'
import { measure, measureAsked } from './figures.ts'
import { GapFiller } from './gap-filler.ts'
import { TrafficMeters } from './meters.ts'
import { showUsage } from './show-usage.ts'

export class UsageKeeper {
  readonly meters: TrafficMeters
  readonly #deps: Dependencies

  /** `vmsOf`: those of one cluster. `wake`: something about the usage of that VM is to be written. */
  constructor(o: { deps: Dependencies; vmsOf: (cluster: string) => readonly ProxmoxVM[]; wake: (key: string) => void }) {
    this.#deps = o.deps
    this.meters = new TrafficMeters(o)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.meters.run(signal)
  }

  /** What is to be read of that cluster in the background, to fill gaps. */
  of(cluster: PveCluster): BackgroundSource {
    return new GapFiller({ deps: this.#deps, meters: this.meters, cluster }).background
  }

  /** In each pass, before anything is decided by the traffic of the VM. */
  async tend(pass: Pass): Promise<void> {
    if (pass.draft.vm.metadata.deletionTimestamp) return
    const asked = measureAsked(pass.draft)
    if (asked !== undefined) await measure(pass, asked)
    await showUsage(pass, this.meters, asked !== undefined)
  }
}
