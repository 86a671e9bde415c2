/** What goes on about the usage of VMs: the meters of their traffic, the filling of gaps, and what each pass writes of them. */
import type { Dependencies } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { TrafficMeters } from './meters.ts'
import { showUsage } from './show-usage.ts'

export class UsageKeeper {
  readonly meters: TrafficMeters

  /** `wake`: something about the usage of that VM is to be written. */
  constructor(o: { deps: Dependencies; wake: (key: string) => void }) {
    this.meters = new TrafficMeters(o)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.meters.run(signal)
  }

  /** In each pass, before anything is decided by the traffic of the VM. */
  async tend(pass: Pass): Promise<void> {
    if (pass.draft.vm.metadata.deletionTimestamp) return
    await showUsage(pass, this.meters)
  }
}
