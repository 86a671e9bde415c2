/** Whose agent is asked next: a share of the background reading, new starts and DHCP first. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Store } from '../../kube/store.ts'
import type { Clock } from '../../ops/clock.ts'
import { isSettled } from '../status.ts'

/** Asking one guest takes three requests: with the audit beside it an idle fleet of any size stays below one request a second. */
const paceMs = 15_000
const soonMs = 20_000
const minute = 60_000

/** One that has just started, is silent, or misses its address is asked again after 20 s, 40 s, … up to 10 minutes; one that is well seldom. */
export class GuestRounds {
  readonly #vms: Store<ProxmoxVM>
  readonly #clock: Clock
  readonly #ask: (key: string) => void
  readonly #asked = new Map<string, { readonly ms: number; readonly times: number }>()

  constructor(o: { vms: Store<ProxmoxVM>; clock: Clock; ask: (key: string) => void }) {
    this.#vms = o.vms
    this.#clock = o.clock
    this.#ask = o.ask
  }

  async run(signal: AbortSignal): Promise<void> {
    const end = this.#vms.subscribe(({ key, old, new: now }) => {
      // Started just now: what was known is of before.
      if (!now || old?.status?.remoteStatus !== now.status?.remoteStatus) this.#asked.delete(key)
    })
    signal.addEventListener('abort', end)
    while (!signal.aborted) {
      await this.#clock.sleep(paceMs, signal).catch(() => undefined)
      if (signal.aborted) return
      const key = this.#next()
      if (key === undefined) continue
      const times = this.#asked.get(key)?.times ?? 0
      this.#asked.set(key, { ms: this.#clock.monotonicMs(), times: times + 1 })
      this.#ask(key)
    }
  }

  /** The one that is due longest. */
  #next(): string | undefined {
    const nowMs = this.#clock.monotonicMs()
    let best: string | undefined
    let bestMs = 0
    for (const vm of this.#vms.list()) {
      if (vm.status?.guest === undefined || vm.status.remoteStatus !== 'running' || !isSettled(vm)) continue
      const asked = this.#asked.get(keyOf(vm))
      const overdueMs = asked ? nowMs - asked.ms - pauseOf(vm, asked.times) : Number.MAX_SAFE_INTEGER
      if (overdueMs <= bestMs) continue
      best = keyOf(vm)
      bestMs = overdueMs
    }
    return best
  }
}

function pauseOf({ status, spec }: ProxmoxVM, times: number): number {
  const isWell = status?.conditions?.some(({ type, status: is }) => type === 'GuestReady' && is === 'True')
  if (!isWell) return Math.min(10 * minute, soonMs * 2 ** Math.min(times, 10))
  return spec.addresses?.length ? 60 * minute : 10 * minute
}
