import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Store } from '../../kube/store.ts'
import type { Clock } from '../../ops/clock.ts'
import { isSettled } from '../status.ts'

/** A thorough look costs about four requests, so this pace keeps an idle fleet of any size below one request a second. */
const paceMs = 8_000
/** In a small fleet nobody is looked at more often than this. */
const leastMs = 60_000

/**
 * Looks at settled VMs one after another, longest unseen first, to find what an admin changed in PVE and what a listing does not show.
 * Those whose pool or cluster object changed come first.
 */
export class Audit {
  readonly #vms: Store<ProxmoxVM>
  readonly #clock: Clock
  readonly #look: (key: string) => void
  readonly #seenMs = new Map<string, number>()
  readonly #soon = new Set<string>()

  constructor(o: { vms: Store<ProxmoxVM>; clock: Clock; look: (key: string) => void }) {
    this.#vms = o.vms
    this.#clock = o.clock
    this.#look = o.look
    o.vms.subscribe(({ key, new: now }) => now ?? this.#forget(key))
  }

  /** Something this VM is made from has changed. */
  soon(key: string): void {
    this.#soon.add(key)
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(this.#soon.size > 0 ? paceMs / 8 : paceMs, signal).catch(() => undefined)
      if (signal.aborted) return
      const key = this.#next()
      if (key === undefined) continue
      this.#soon.delete(key)
      this.#seenMs.set(key, this.#clock.monotonicMs())
      this.#look(key)
    }
  }

  #next(): string | undefined {
    const [urgent] = this.#soon
    if (urgent !== undefined) return urgent
    const latest = this.#clock.monotonicMs() - leastMs
    let best: string | undefined
    let bestMs = latest
    for (const vm of this.#vms.list()) {
      const seenMs = this.#seenMs.get(keyOf(vm)) ?? 0
      if (seenMs >= bestMs || !isSettled(vm)) continue
      best = keyOf(vm)
      bestMs = seenMs
    }
    return best
  }

  #forget(key: string): void {
    this.#seenMs.delete(key)
    this.#soon.delete(key)
  }
}
