/** What goes on about the usage of VMs: the meters of their traffic, the filling of gaps, and what each pass writes of them. */
import type { Dependencies } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { measure, measureAsked } from './figures.ts'
import { GapFiller } from './gap-filler.ts'
import { TrafficMeters } from './meters.ts'
import { showUsage } from './show-usage.ts'

export class UsageKeeper {
  readonly meters: TrafficMeters
  readonly #filler: GapFiller

  /** `wake`: something about the usage of that VM is to be written. */
  constructor(o: { deps: Dependencies; wake: (key: string) => void }) {
    this.meters = new TrafficMeters(o)
    this.#filler = new GapFiller({ deps: o.deps, meters: this.meters })
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.meters.run(signal), this.#filler.run(signal)])
  }

  /** In each pass, before anything is decided by the traffic of the VM. */
  async tend(pass: Pass): Promise<void> {
    if (pass.draft.vm.metadata.deletionTimestamp) return
    const asked = measureAsked(pass.draft)
    if (asked !== undefined) await measure(pass, asked)
    await showUsage(pass, this.meters, asked !== undefined)
  }
}
