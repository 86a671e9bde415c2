/** Whether PVE enforces firewall rules of guests at all: one switch for the whole datacenter, which somebody may turn at any time. */
import type { BackgroundSource } from '../ops/background-budget.ts'
import type { Clock } from '../ops/clock.ts'
import type { Pve } from '../proxmox/endpoints.ts'

const everyMs = 30_000

export class FirewallSwitch {
  readonly #o: {
    pve: Pick<Pve, 'firewallOptionsDatacenter'>
    clock: Clock
    known: () => boolean | undefined
    learn: (isOn: boolean) => void
    onProblem: (fault: unknown) => void
  }
  readonly #listeners = new Set<() => void>()
  #readMs: number

  /** `known`: what was seen last; undefined: the token may not ask, or PVE was not asked yet. */
  constructor(o: {
    pve: Pick<Pve, 'firewallOptionsDatacenter'>
    clock: Clock
    known: () => boolean | undefined
    learn: (isOn: boolean) => void
    onProblem: (fault: unknown) => void
  }) {
    this.#o = o
    this.#readMs = o.clock.monotonicMs()
  }

  /** It was turned. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  readonly background: BackgroundSource = {
    weight: 1,
    next: () => {
      const { clock, known } = this.#o
      if (known() === undefined || clock.monotonicMs() - this.#readMs < everyMs) return undefined
      return { rank: 'young', requests: 1, begin: () => void this.#read() }
    },
  }

  /** What the regular check of the cluster has seen. */
  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  async #read(): Promise<void> {
    const { pve, clock, known, learn, onProblem } = this.#o
    this.#readMs = clock.monotonicMs()
    try {
      const { enabled } = await pve.firewallOptionsDatacenter()
      if (enabled === known()) return
      learn(enabled)
      this.tell()
    } catch (fault) {
      onProblem(fault)
    }
  }
}
