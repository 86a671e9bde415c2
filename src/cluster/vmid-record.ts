/** ProxmoxCluster.status.vmids.reservedUpTo, read from the server and written by compare-and-swap. */
import { readCluster, type StatusPlace, writeClusterStatus } from './status-write.ts'
import type { ReservationRecord } from './vmid-allocator.ts'

export class VmidRecord implements ReservationRecord {
  readonly #place: StatusPlace

  constructor(place: StatusPlace) {
    this.#place = place
  }

  async read(): Promise<number | undefined> {
    return (await readCluster(this.#place)).status?.vmids?.reservedUpTo
  }

  async write(reservedUpTo: number, expected: number | undefined): Promise<void> {
    await writeClusterStatus(this.#place, (status) => {
      const found = status.vmids?.reservedUpTo
      if (found !== expected)
        throw new Error(
          `VMIDs of ${this.#place.name} are reserved up to ${found}, expected ${expected}: another operator uses the same ProxmoxCluster`,
        )
      return { ...status, vmids: { reservedUpTo } }
    })
  }
}
