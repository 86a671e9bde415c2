/** Which settled VM is looked at thoroughly next, to find what an admin changed in PVE and no listing or task shows. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Store } from '../../kube/store.ts'
import type { BackgroundSource } from '../../ops/background-budget.ts'
import type { Clock } from '../../ops/clock.ts'
import { isSettled, isWellAndRunning } from '../status.ts'

/** In a small fleet nobody is looked at more often than this. */
const leastMs = 60_000

/** The VMs of one cluster. */
interface Round {
  /** When each was looked at (monotonic ms), the longest unseen first. */
  readonly seenMs: Map<string, number>
  /** Those that somebody may have changed, or whose pool was edited. */
  readonly soon: Set<string>
}

/** Settled VMs one after another, longest unseen first; those that somebody has just changed before all others. */
export class Audit {
  readonly #vms: Store<ProxmoxVM>
  readonly #clock: Clock
  readonly #look: (key: string, of: 'changed' | 'round') => void
  /** By the name of the cluster. */
  readonly #rounds = new Map<string, Round>()

  constructor(o: { vms: Store<ProxmoxVM>; clock: Clock; look: (key: string, of: 'changed' | 'round') => void }) {
    this.#vms = o.vms
    this.#clock = o.clock
    this.#look = o.look
    o.vms.subscribe(({ key, old, new: now }) => {
      if (!now) return this.#forget(key, old)
      // The pass that settled it has just seen all of it.
      if (old && !isSettled(old) && isSettled(now)) this.#note(key, now, o.clock.monotonicMs())
      else if (!this.#roundOf(now).seenMs.has(key)) this.#note(key, now, -Infinity)
    })
  }

  /** Something this VM is made from has changed. */
  soon(key: string): void {
    const vm = this.#vms.get(key)
    if (vm) this.#roundOf(vm).soon.add(key)
  }

  /** Whom to look at in the background of that cluster; most of its budget is for this. */
  of(cluster: string): BackgroundSource {
    return { weight: 7, next: () => this.#next(cluster) }
  }

  #next(cluster: string): ReturnType<BackgroundSource['next']> {
    const { soon, seenMs } = this.#rounds.get(cluster) ?? {}
    const [urgent] = soon ?? []
    const vm = urgent !== undefined && this.#vms.get(urgent)
    if (vm) return { rank: 'changed', requests: requestsOf(vm) + 1, begin: () => this.#begin(vm, 'changed') }
    for (const [key, ms] of seenMs ?? []) {
      if (ms > this.#clock.monotonicMs() - leastMs) return undefined
      const next = this.#vms.get(key)
      if (next && isSettled(next)) {
        const requests = requestsOf(next) + (isWellAndRunning(next) ? 0 : 1)
        return { rank: 'round', requests, begin: () => this.#begin(next, 'round') }
      }
    }
    return undefined
  }

  #begin(vm: ProxmoxVM, of: 'changed' | 'round'): void {
    const key = keyOf(vm)
    this.#roundOf(vm).soon.delete(key)
    this.#note(key, vm, this.#clock.monotonicMs())
    this.#look(key, of)
  }

  #note(key: string, vm: ProxmoxVM, ms: number): void {
    const { seenMs } = this.#roundOf(vm)
    seenMs.delete(key)
    seenMs.set(key, ms)
  }

  #roundOf({ spec }: ProxmoxVM): Round {
    const round = this.#rounds.get(spec.clusterRef.name) ?? { seenMs: new Map<string, number>(), soon: new Set<string>() }
    this.#rounds.set(spec.clusterRef.name, round)
    return round
  }

  #forget(key: string, vm: ProxmoxVM | undefined): void {
    const round = vm && this.#rounds.get(vm.spec.clusterRef.name)
    round?.seenMs.delete(key)
    round?.soon.delete(key)
    if (vm && round?.seenMs.size === 0) this.#rounds.delete(vm.spec.clusterRef.name)
  }
}

/** Of its configuration, and all of its firewall where PVE applies it (look.ts). Its power takes one more. */
function requestsOf({ status }: ProxmoxVM): number {
  const { network, firewall } = status?.package ?? {}
  return firewall?.enabled || network?.firewall ? 5 : 1
}
