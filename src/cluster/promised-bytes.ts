/** How much the disks on a storage may grow to: the sum of their sizes, whoever has them. */
import type { Clock } from '../ops/clock.ts'
import type { Pve } from '../proxmox/endpoints.ts'
import { PveError } from '../proxmox/pve-error.ts'

/** Births come in numbers, and each of them adds to it; those under way are counted by their promises. */
const freshMs = 3_000

export class PromisedBytes {
  readonly #pve: Pick<Pve, 'diskBytes'>
  readonly #clock: Clock
  readonly #known = new Map<string, { readAtMs: number; sizeMiB: Promise<number | undefined> }>()

  readonly #last = new Map<string, { readonly sizeMiB: number }>()

  constructor(o: { pve: Pick<Pve, 'diskBytes'>; clock: Clock }) {
    this.#pve = o.pve
    this.#clock = o.clock
  }

  /** MiB of all disks of VMs on the storage as that node sees it. Undefined: PVE does not tell. */
  of(node: string, storage: string): Promise<number | undefined> {
    const key = `${node}/${storage}`
    const known = this.#known.get(key)
    if (known && this.#clock.monotonicMs() - known.readAtMs < freshMs) return known.sizeMiB
    const sizeMiB = this.#read(node, storage)
    this.#known.set(key, { readAtMs: this.#clock.monotonicMs(), sizeMiB })
    return sizeMiB
  }

  /** What the last reading for a birth said, without a request; another object after each reading. */
  last(node: string, storage: string): { readonly sizeMiB: number } | undefined {
    return this.#last.get(`${node}/${storage}`)
  }

  async #read(node: string, storage: string): Promise<number | undefined> {
    try {
      const sizeMiB = Math.ceil((await this.#pve.diskBytes(node, storage)) / (1024 * 1024))
      this.#last.set(`${node}/${storage}`, { sizeMiB })
      return sizeMiB
    } catch (fault) {
      this.#known.delete(`${node}/${storage}`)
      if (fault instanceof PveError) return undefined
      throw fault
    }
  }
}
