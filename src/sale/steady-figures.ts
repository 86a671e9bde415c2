/** Figures of storages that do not follow every byte: what guests write all day must not change what is told to a shop. */
import type { Clock } from '../ops/clock.ts'
import type { Listing, StorageRow } from '../proxmox/listing.ts'

/** After a guest or a disk came or went, figures are taken as they are for so long: PVE's own are up to 20 s old. */
const freshMs = 60_000
/** Afterwards a storage must differ by so much of its size. */
const bandOfTotal = 0.01

/** Of one cluster. */
export class SteadyFigures {
  readonly #clock: Clock
  readonly #used = new Map<string, number>()
  readonly #strangersMiB = new Map<string, { readonly read: object; readonly sizeMiB: number }>()
  #guests = ''
  #changedAtMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `diskMiB`: of all disks of ours. */
  look(listing: Listing, diskMiB: number): void {
    const now = this.#clock.monotonicMs()
    const guests = `${[...listing.guests.keys()].toSorted((a, b) => a - b).join()}/${diskMiB}`
    if (guests !== this.#guests) this.#changedAtMs = now
    this.#guests = guests
    const isFresh = now - this.#changedAtMs < freshMs
    for (const row of listing.storages) {
      const former = this.#used.get(placeOf(row))
      const isNear = former !== undefined && Math.abs(row.usedBytes - former) <= row.totalBytes * bandOfTotal
      if (isFresh || !isNear) this.#used.set(placeOf(row), row.usedBytes)
    }
  }

  usedBytes(row: StorageRow): number {
    return this.#used.get(placeOf(row)) ?? row.usedBytes
  }

  /**
   * MiB of all disks on a storage. `oursMiB`: those of our VMs. `read`: what PVE said when a birth asked, which tells how much of it is
   * other people's. Nobody is asked here; without a reading what is used counts where it is more.
   */
  diskMiB(row: StorageRow, oursMiB: number, read: { readonly sizeMiB: number } | undefined): number {
    const place = placeOf(row)
    if (read && this.#strangersMiB.get(place)?.read !== read)
      this.#strangersMiB.set(place, { read, sizeMiB: Math.max(0, read.sizeMiB - oursMiB) })
    const strangers = this.#strangersMiB.get(place)?.sizeMiB
    return strangers === undefined ? Math.max(oursMiB, Math.ceil(this.usedBytes(row) / (1024 * 1024))) : oursMiB + strangers
  }
}

const placeOf = ({ node, storage }: StorageRow): string => `${node}/${storage}`
