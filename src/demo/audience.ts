import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import { Store } from '../kube/store.ts'
import { Reflector } from '../kube/watch.ts'
import { systemClock } from '../ops/clock.ts'

/** Watches all ProxmoxVMs as any other client would. */
export class Audience {
  readonly #store = new Store<ProxmoxVM>()
  readonly #running: Promise<void>

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#running = new Reflector({ client, resource: proxmoxVMs, store: this.#store, clock: systemClock }).run(signal)
    this.#running.catch(() => undefined)
  }

  vms(): ProxmoxVM[] {
    return this.#store.list().toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name, 'en'))
  }

  /**
   * Calls `show` on every change and twice a second until `until` holds; false when the deadline came first. Ends early when the signal aborts.
   */
  async follow(o: {
    until: (vms: readonly ProxmoxVM[]) => boolean
    show: (vms: readonly ProxmoxVM[]) => void
    deadlineSeconds: number
    signal: AbortSignal
  }): Promise<boolean> {
    const deadlineMs = systemClock.now() + o.deadlineSeconds * 1_000
    for (;;) {
      const vms = this.vms()
      o.show(vms)
      if (o.until(vms)) return true
      if (o.signal.aborted || systemClock.now() > deadlineMs) return false
      await this.#change(o.signal)
    }
  }

  async #change(signal: AbortSignal): Promise<void> {
    const done = new AbortController()
    const end = this.#store.subscribe(() => done.abort())
    await systemClock.sleep(500, AbortSignal.any([signal, done.signal]))
    end()
  }
}
