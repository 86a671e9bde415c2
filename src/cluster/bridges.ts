/** Which bridges and VNets a node has, so that a VM is not cloned to where it could not start. */
import type { Clock } from '../ops/clock.ts'
import type { Pve } from '../proxmox/endpoints.ts'
import { PveError } from '../proxmox/pve-error.ts'

/** Read again after this long: an admin may have made one. */
const freshMs = 60_000

export class NodeBridges {
  readonly #pve: Pick<Pve, 'bridges'>
  readonly #clock: Clock
  readonly #known = new Map<string, { readAtMs: number; names: Promise<ReadonlySet<string> | undefined> }>()

  constructor(o: { pve: Pick<Pve, 'bridges'>; clock: Clock }) {
    this.#pve = o.pve
    this.#clock = o.clock
  }

  /** Those the token may use. Undefined: the node does not tell. Callers at the same time share one request. */
  of(node: string): Promise<ReadonlySet<string> | undefined> {
    const known = this.#known.get(node)
    if (known && this.#clock.monotonicMs() - known.readAtMs < freshMs) return known.names
    const names = this.#read(node)
    this.#known.set(node, { readAtMs: this.#clock.monotonicMs(), names })
    return names
  }

  async #read(node: string): Promise<ReadonlySet<string> | undefined> {
    try {
      return new Set(await this.#pve.bridges(node))
    } catch (fault) {
      this.#known.delete(node)
      if (fault instanceof PveError) return undefined
      throw fault
    }
  }
}
