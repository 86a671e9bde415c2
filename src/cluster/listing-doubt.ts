/** A listing in which many VMs are missing at once is more often a lost privilege, or another PVE, than the end of all those VMs. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { conditionOf } from '../api/condition.ts'
import type { Clock } from '../ops/clock.ts'
import { Pace } from '../ops/pace.ts'
import type { Inventory, Listing } from '../proxmox/inventory.ts'

/** That many missing, and this part of those on record, are a doubt. */
const fewest = 3
const part = 0.2
/** Each missing VMID is asked for by itself, and no faster than this. */
const questionsPerSecond = 2

export class ListingDoubt {
  readonly #inventory: Pick<Inventory, 'current'>
  readonly #known: () => readonly number[]
  readonly #pace: Pace
  #last: { readonly listing: Listing; readonly missing: readonly number[]; readonly known: number } | undefined

  /** `known`: VMIDs of the VMs that must be there, those that a task of ours destroys left out. */
  constructor(o: { inventory: Pick<Inventory, 'current'>; known: () => readonly number[]; clock: Clock }) {
    this.#inventory = o.inventory
    this.#known = o.known
    this.#pace = new Pace({ calls: questionsPerSecond, perSeconds: 1, burst: questionsPerSecond, clock: o.clock })
  }

  /** VMIDs that the present listing lacks, if they are so many that it is in doubt; else empty. */
  get missing(): readonly number[] {
    const listing = this.#inventory.current()
    if (listing === undefined) return []
    if (this.#last?.listing !== listing) {
      const known = this.#known()
      this.#last = { listing, known: known.length, missing: known.filter((vmid) => !listing.guests.has(vmid)) }
    }
    const { missing, known } = this.#last
    return missing.length >= fewest && missing.length > known * part ? missing : []
  }

  /** Whether one VMID may be asked for now. Always, while nothing is in doubt. */
  mayAsk(): boolean {
    return this.missing.length === 0 || this.#pace.tryTurn()
  }

  get sentence(): string {
    const { missing } = this
    const known = this.#last?.known ?? 0
    return `${missing.length} of ${known} VMs are missing from PVE's listing at once; the operator asks PVE about each of them and treats none as deleted before that. Check that the token still has VM.Audit on /vms.`
  }
}

/** The VMs of a cluster that must be in its listing. `isGranted`: its destruction was begun by us. */
export const knownVmids = (vms: readonly ProxmoxVM[], isGranted: (uid: string) => boolean): number[] =>
  vms.flatMap(({ metadata, status }) => {
    const isThere =
      status?.firstReadyAt !== undefined && !status.removedAt && !status.released && !status.reinstall?.running && !status.restore?.running
    const isKnownGone = conditionOf(status?.conditions, 'Ready')?.reason === 'VMMissing'
    return isThere && !isKnownGone && status.vmid !== undefined && !isGranted(metadata.uid ?? '') ? [status.vmid] : []
  })
