/** Suspended VMs that go on running, for a metric: somebody must know before the customer does. */
import type { ProxmoxVM } from './api/proxmoxvm.ts'
import { parseDurationSeconds } from './api/size.ts'
import { keyOf } from './kube/keys.ts'
import type { Store } from './kube/store.ts'
import type { Clock } from './ops/clock.ts'
import { isSuspended } from './want/suspension.ts'

/** Beyond shutdownTimeout: high availability acts within half a minute, and a listing is up to 12 s old. */
const marginMs = 120_000

/** Remembers since when each VM is both suspended and running; a restart begins to count again. */
export class UnenforcedSuspensions {
  readonly #clock: Clock
  readonly #vms: Store<ProxmoxVM>
  readonly #sinceMs = new Map<string, number>()

  constructor(o: { vms: Store<ProxmoxVM>; clock: Clock }) {
    this.#clock = o.clock
    this.#vms = o.vms
    o.vms.subscribe(({ key, new: now }) => this.#learn(key, now))
    for (const vm of o.vms.list()) this.#learn(keyOf(vm), vm)
  }

  #learn(key: string, vm: ProxmoxVM | undefined): void {
    if (!vm || !isRunningSuspended(vm)) this.#sinceMs.delete(key)
    else if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, this.#clock.monotonicMs())
  }

  /** How many VMs of the cluster have run so for longer than their shutdown may take. */
  countOf(cluster: string): number {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#sinceMs].filter(([key, sinceMs]) => {
      const spec = this.#vms.get(key)?.spec
      return spec?.clusterRef.name === cluster && nowMs - sinceMs > parseDurationSeconds(spec.shutdownTimeout) * 1000 + marginMs
    }).length
  }
}

const isRunningSuspended = (vm: ProxmoxVM): boolean =>
  isSuspended(vm) && vm.status?.remoteStatus === 'running' && vm.metadata.deletionTimestamp === undefined
