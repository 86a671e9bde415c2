import type { FaultPlan } from '../../src/simulator/contracts.ts'

/** One request of an operator that changes something: an object it owns at the API server, or PVE. */
export interface Write {
  readonly to: 'kube' | 'pve'
  /** `PUT proxmoxvms/status`, `POST /nodes/{node}/qemu/{vmid}/clone`. */
  readonly what: string
  /** The object a write to the API server is about; of one that is being made undefined. */
  readonly name?: string
  /** The guest a write to PVE is about; of a clone the new one. */
  readonly vmid?: number
  /** The node a write to PVE is for. */
  readonly node?: string
}

/**
 * What becomes of a request: its sender gets no answer if it is lost, before the receiver has it or after the receiver did it; or the
 * API server says 504 after it did it; or PVE does something to it.
 */
export type Fate = 'pass' | 'lost before' | 'lost after' | '504 after' | { readonly plan: FaultPlan }

/**
 * Everything one operator process sends. Cutting the wire is what kill -9 is to the rest of the world: from that moment nothing
 * comes from the process any more, whatever it still does inside.
 */
export class Wire {
  readonly writes: Write[] = []
  isCut = false
  /** Hears each request that may change something at the API server, by method and path, also those that `writes` leaves out. */
  onKube: (method: string, path: string) => void = () => undefined
  /** A write to the API server goes out when this has ended. */
  beforeKube: (method: string, path: string) => Promise<void> | void = () => undefined
  /** What the API server tells a watch of the kind goes on when this has ended. */
  beforeWatched: (plural: string) => Promise<void> | void = () => undefined
  readonly #onCut = new Set<() => void>()
  #fateOf: (write: Write) => Fate = () => 'pass'

  /** Decides over each write from now on. */
  judgedBy(fateOf: (write: Write) => Fate): void {
    this.#fateOf = fateOf
  }

  /** The process dies at the first write that fits: before the receiver has it, or when the receiver has done it. */
  dieAt(isIt: (write: Write) => boolean, when: 'before' | 'after'): Promise<Write> {
    return new Promise((resolve) => {
      this.judgedBy((write) => {
        if (!isIt(write)) return 'pass'
        this.judgedBy(() => 'pass')
        this.cut()
        resolve(write)
        return when === 'before' ? 'lost before' : 'lost after'
      })
    })
  }

  cut(): void {
    this.isCut = true
    for (const each of this.#onCut) each()
  }

  onCut(run: () => void): void {
    this.#onCut.add(run)
  }

  /** A write to the API server goes out. */
  hear(method: string, path: string): void {
    if (!this.isCut) this.onKube(method, path)
  }

  /** `write` is undefined for what changes nothing that counts: reads, events, leases. */
  fate(write: Write | undefined): Fate {
    if (this.isCut) return 'lost before'
    if (!write) return 'pass'
    this.writes.push(write)
    return this.#fateOf(write)
  }
}
