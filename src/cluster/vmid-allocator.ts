import type { Clock } from '../ops/clock.ts'
import { chooseVmid, nextVmid, type VmidCursor, type VmidRange, within } from './vmids.ts'

export type VmidGrant = { readonly is: 'granted'; readonly vmid: number } | { readonly is: 'exhausted'; readonly message: string }

/** Reads and writes ProxmoxCluster.status.vmids.reservedUpTo; `write` is a compare-and-swap that throws when somebody was faster. */
export interface ReservationRecord {
  read(): Promise<number | undefined>
  /** `expected`: what `read` or the last `write` said. */
  write(reservedUpTo: number, expected: number | undefined): Promise<void>
}

/** Longer than the write of an intent takes. */
const intentMs = 10_000

/** Gives out the VMIDs of one cluster object, one caller after another. */
export class VmidAllocator {
  readonly #record: ReservationRecord
  #cursor: VmidCursor | undefined
  /** Packages with a range of their own have their own place in it; after a restart it is found again from what is taken. */
  readonly #lastOfPart = new Map<string, number>()
  /** Given out and perhaps not written into anybody's status yet: VMID → when. */
  readonly #given = new Map<number, number>()
  #queue: Promise<unknown> = Promise.resolve()
  readonly #clock: Clock

  constructor(record: ReservationRecord, clock: Clock) {
    this.#record = record
    this.#clock = clock
  }

  /**
   * The next free number, which nobody else gets from here until the range has wrapped. `isTaken`: held by an object of ours or by
   * any guest in PVE. `part` is the package's own range inside the cluster's.
   */
  allocate(range: VmidRange, part: VmidRange | undefined, isTaken: (vmid: number) => boolean): Promise<VmidGrant> {
    const turn = this.#queue.then(async () => {
      const isHeld = this.#heldBy(isTaken)
      const grant = await (part === undefined ? this.#fromRange(range, isHeld) : this.#fromPart(range, part, isHeld))
      if (grant.is === 'granted') this.#given.set(grant.vmid, this.#clock.monotonicMs())
      return grant
    })
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  /** Also what was given out a moment ago: its new owner's status is being written. */
  #heldBy(isTaken: (vmid: number) => boolean): (vmid: number) => boolean {
    const now = this.#clock.monotonicMs()
    for (const [vmid, atMs] of this.#given) if (now - atMs > intentMs) this.#given.delete(vmid)
    return (vmid) => this.#given.has(vmid) || isTaken(vmid)
  }

  async #fromRange(range: VmidRange, isTaken: (vmid: number) => boolean): Promise<VmidGrant> {
    const cursor = this.#cursor ?? (await this.#resume())
    const choice = chooseVmid(range, cursor, isTaken)
    if (choice.is === 'exhausted') return exhausted(range)
    if (choice.is === 'reserve') {
      this.#cursor = undefined // should the write fail, the record is read again
      await this.#record.write(choice.reserveUpTo, cursor.reservedUpTo)
    }
    this.#cursor = { last: choice.vmid, reservedUpTo: choice.is === 'reserve' ? choice.reserveUpTo : cursor.reservedUpTo }
    return { is: 'granted', vmid: choice.vmid }
  }

  async #resume(): Promise<VmidCursor> {
    const reservedUpTo = await this.#record.read()
    return { last: reservedUpTo, reservedUpTo }
  }

  async #fromPart(range: VmidRange, part: VmidRange, isTaken: (vmid: number) => boolean): Promise<VmidGrant> {
    const inside = within(range, part)
    if (inside === undefined)
      return { is: 'exhausted', message: `the package's VMIDs ${part.from}-${part.to} are not in ${range.from}-${range.to}` }
    const key = `${inside.from}-${inside.to}`
    const vmid = nextVmid(inside, this.#lastOfPart.get(key) ?? highestTaken(inside, isTaken), isTaken)
    if (vmid === undefined) return exhausted(inside)
    this.#lastOfPart.set(key, vmid)
    return { is: 'granted', vmid }
  }
}

const exhausted = ({ from, to }: VmidRange): VmidGrant => ({
  is: 'exhausted',
  message: `every VMID from ${from} to ${to} is in use; widen the range`,
})

function highestTaken({ from, to }: VmidRange, isTaken: (vmid: number) => boolean): number | undefined {
  for (let vmid = to; vmid >= from; vmid -= 1) if (isTaken(vmid)) return vmid
  return undefined
}
