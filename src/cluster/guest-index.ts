/** The guests of one PVE cluster that no object has on record: whose they are and which addresses they show. */
import type { BackgroundRank, BackgroundSource } from '../ops/background-budget.ts'
import type { Clock } from '../ops/clock.ts'
import type { Pve } from '../proxmox/endpoints.ts'
import type { Inventory } from '../proxmox/inventory.ts'
import { type GuestRow, type Listing, sameGuest } from '../proxmox/listing.ts'
import { presenceOf } from '../proxmox/presence.ts'
import { classOf, type GuestClass, type GuestFacts, type Owners } from './guest-class.ts'
import { readGuest } from './guest-reader.ts'
import type { VmidRange } from './vmids.ts'
import { ownTag } from '../ladder/mark.ts'

/** What the index must be told of the objects. */
export interface GuestOwners extends Owners {
  /** The uid of the living object of this cluster that has the VMID on record. */
  readonly holderOf: (vmid: number) => string | undefined
  /** When an object with this VMID on record went, by the monotonic clock; the listing may be older. 0: never. */
  readonly lostMs: (vmid: number) => number
  /** It is worth looking again soon: an address of a pool hangs on it. */
  readonly isOfConcern: (guest: GuestFacts) => boolean
  /** VMIDs of guests whose addresses a former process found in use. */
  readonly remembered: () => readonly number[]
}

export interface KnownGuest extends GuestFacts {
  readonly class: GuestClass
  /** When it was first seen so, in ms since the epoch. */
  readonly sinceMs: number
}

interface Entry {
  row?: GuestRow
  facts?: GuestFacts
  /** When it was seen first, by the monotonic clock; as are the times below, but for sinceMs. */
  seenMs: number
  /** When it was last read. */
  readMs?: number
  /** Its row has changed since. */
  isChanged: boolean
  /** Not before then: the last attempt failed. */
  notBeforeMs: number
  sinceMs: number
}

const dayMs = 86_400_000
/** A guest that holds an address of a pool is looked at again this often, so that the address is free soon after the guest let go. */
const concernMs = 60_000
/** After a failure (its node is off, a privilege is missing). */
const failedMs = 30_000
/** Births wait at most this long for a guest that cannot be read. */
const patienceMs = 30_000
/** A copy under way shows its mark at its end. */
const copyPatienceMs = 300_000
const idleMs = 1_000
/** Guests that births wait for are read so many at a time; the others one after another. */
const inParallel = 4
/** By the rank among guests: changed; not read yet, in our range and anywhere. */
const backgroundRanks: Readonly<Record<number, BackgroundRank>> = { 1: 'changed', 2: 'young', 3: 'young' }
/** Of those that were looked at before. */
const restRank = 4

interface GuestIndexOptions {
  readonly pve: Pve
  readonly inventory: Inventory
  readonly clock: Clock
  readonly owners: GuestOwners
  /** VMIDs the operator gives out. */
  readonly range: () => VmidRange
  /** Guests of ours have no tag (spec.tags None): any in the range may be one. */
  readonly isUntagged?: () => boolean
  readonly onProblem: (fault: unknown) => void
}

export class GuestIndex {
  readonly #o: GuestIndexOptions
  readonly #entries = new Map<number, Entry>()
  readonly #listeners = new Set<(vmid: number) => void>()
  #scanned: Listing | undefined
  #isReading = false

  constructor(o: GuestIndexOptions) {
    this.#o = o
  }

  /** Tells of a guest whose reading changed, that came or that is proved to be gone. */
  subscribe(listener: (vmid: number) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get(vmid: number): KnownGuest | undefined {
    const entry = this.#entries.get(vmid)
    return entry?.facts && { ...entry.facts, class: classOf(entry.facts.mark, vmid, this.#o.owners), sinceMs: entry.sinceMs }
  }

  /** Every guest that has been read and has no owner. */
  list(): KnownGuest[] {
    return [...this.#entries.keys()].flatMap((vmid) => this.get(vmid) ?? []).filter((guest) => guest.class !== 'owned')
  }

  /** The guest with this uid in its mark, under its own VMID. */
  byUid(uid: string): KnownGuest | undefined {
    return this.#find(({ mark, vmid }) => mark?.uid === uid && mark.vmid === vmid)
  }

  /** A guest that a former object of this name owned. */
  ofFormer(o: { cluster: string; namespace: string; name: string }): KnownGuest | undefined {
    return this.list().find(({ class: is, mark, vmid }) => {
      const { object } = mark ?? {}
      if (object?.namespace !== o.namespace || object.name !== o.name) return false
      // Another living installation has a VMID range of its own; the same name in ours is of whoever was here before.
      const { from, to } = this.#o.range()
      return is === 'unclaimed' || (is === 'theirs' && object.cluster === o.cluster && from <= vmid && vmid <= to)
    })
  }

  #find(matches: (facts: GuestFacts) => boolean): KnownGuest | undefined {
    for (const [vmid, { facts }] of this.#entries) if (facts && matches(facts)) return this.get(vmid)
    return undefined
  }

  /** Guests with our tag, or being copied within our range, that have not been read. Undefined: PVE has not been listed yet. */
  unread(): number[] | undefined {
    this.#scan()
    if (!this.#scanned) return undefined
    const now = this.#o.clock.monotonicMs()
    return [...this.#entries].filter(([vmid, entry]) => this.#isAwaited(vmid, entry, now)).map(([vmid]) => vmid)
  }

  #isAwaited(vmid: number, { row, readMs, seenMs }: Entry, now: number): boolean {
    if (!row || this.#o.owners.holderOf(vmid) !== undefined) return false
    if (row.lock === 'clone') return this.#isInRange(vmid) && now - seenMs < copyPatienceMs
    return this.#isCandidate(vmid, row) && readMs === undefined && now - seenMs < patienceMs
  }

  /** It is there, and this process has not read it yet. */
  isUnread = (vmid: number): boolean => {
    const entry = this.#entries.get(vmid)
    return entry !== undefined && entry.facts === undefined
  }

  /** Reads it now, whoever owns it. Undefined: it is not where the listing shows it. */
  async look(vmid: number): Promise<KnownGuest | undefined> {
    const row = this.#o.inventory.current()?.guests.get(vmid)
    if (row?.kind !== 'qemu') return undefined
    const facts = await readGuest(this.#o.pve, { node: row.node, vmid })
    if (!facts) return undefined
    this.#learn(vmid, facts, row)
    return this.get(vmid)
  }

  /** What somebody else has just read of it. */
  note(facts: GuestFacts): void {
    this.#learn(facts.vmid, facts, this.#o.inventory.current()?.guests.get(facts.vmid))
  }

  /** Reads at once what births wait for. All else is for the background. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#scan()
      const urgent = this.#due().filter(({ rank }) => rank === 0)
      await Promise.all(urgent.slice(0, inParallel).map(({ vmid, entry }) => this.#attempt(vmid, entry)))
      if (urgent.length === 0) await this.#o.clock.sleep(idleMs, signal)
    }
  }

  /** The guest that is read next in the background, one after another. */
  readonly background: BackgroundSource = {
    weight: 1,
    next: () => {
      if (this.#isReading) return undefined
      this.#scan()
      const first = this.#due().find(({ rank }) => rank > 0)
      if (!first) return undefined
      const { vmid, entry, rank } = first
      const begin = () => {
        this.#isReading = true
        void this.#attempt(vmid, entry).finally(() => (this.#isReading = false))
      }
      return { rank: backgroundRanks[rank] ?? 'round', requests: requestsOf(entry), begin }
    },
  }

  /** Enters what the newest listing shows. */
  #scan(): void {
    const listing = this.#o.inventory.current()
    if (!listing || listing === this.#scanned) return
    const isFirst = this.#scanned === undefined
    this.#scanned = listing
    if (isFirst) for (const vmid of this.#o.owners.remembered()) this.#entry(vmid)
    for (const [vmid, entry] of this.#entries) if (!listing.guests.has(vmid)) delete entry.row
    for (const [vmid, row] of listing.guests) this.#enter(vmid, row, listing)
  }

  #enter(vmid: number, row: GuestRow, listing: Listing): void {
    const { holderOf, lostMs } = this.#o.owners
    const known = this.#entries.get(vmid)
    const isTagged = row.tags.includes(ownTag)
    if (!known && (holderOf(vmid) !== undefined || row.kind !== 'qemu' || (row.template && !isTagged))) return
    // Its object has just gone, and so may the guest have since this listing began.
    if (!known && lostMs(vmid) >= listing.startedAtMs) return
    const entry = known ?? this.#entry(vmid)
    if (entry.row && !sameGuest(entry.row, row)) entry.isChanged = true
    entry.row = row
  }

  #entry(vmid: number): Entry {
    const known = this.#entries.get(vmid)
    if (known) return known
    const now = this.#o.clock.monotonicMs()
    const entry: Entry = { seenMs: now, isChanged: false, notBeforeMs: 0, sinceMs: this.#o.clock.now() }
    this.#entries.set(vmid, entry)
    return entry
  }

  /** What is to be read, the most urgent first: awaited by births; changed; in our range; anybody's; the rest, longest untried first. */
  #due(): { vmid: number; entry: Entry; rank: number }[] {
    const now = this.#o.clock.monotonicMs()
    const due: { vmid: number; entry: Entry; rank: number }[] = []
    for (const [vmid, entry] of this.#entries) {
      if (entry.notBeforeMs > now) continue
      const rank = this.#rankOf(vmid, entry, now)
      // One whose last attempt failed goes to the rest: else a dozen of them would leave nothing for anybody.
      if (rank !== undefined) due.push({ vmid, entry, rank: rank > 0 && entry.notBeforeMs > 0 ? restRank : rank })
    }
    return due.toSorted((a, b) => a.rank - b.rank || triedMs(a.entry) - triedMs(b.entry))
  }

  #rankOf(vmid: number, entry: Entry, now: number): number | undefined {
    const { row, facts, readMs, isChanged } = entry
    const holder = this.#o.owners.holderOf(vmid)
    if (!row) return 1
    if (row.lock === 'clone') return undefined
    if (readMs === undefined) return holder !== undefined ? undefined : this.#isCandidate(vmid, row) ? 0 : this.#isInRange(vmid) ? 2 : 3
    const isOwned = holder !== undefined && facts?.mark?.uid === holder
    if (isChanged && !isOwned) return 1
    const everyMs = !isOwned && facts && (holder !== undefined || this.#o.owners.isOfConcern(facts)) ? concernMs : dayMs
    return !isOwned && now - readMs >= everyMs ? restRank : undefined
  }

  /** It may be a guest of ours. */
  #isCandidate(vmid: number, row: GuestRow): boolean {
    return row.tags.includes(ownTag) || (this.#o.isUntagged?.() === true && this.#isInRange(vmid) && row.kind === 'qemu')
  }

  #isInRange(vmid: number): boolean {
    const { from, to } = this.#o.range()
    return from <= vmid && vmid <= to
  }

  /** A guest that cannot be read holds up nobody else. */
  async #attempt(vmid: number, entry: Entry): Promise<void> {
    try {
      if (entry.row) await this.#read(vmid, entry.row)
      else await this.#prove(vmid, entry)
    } catch (fault) {
      entry.notBeforeMs = this.#o.clock.monotonicMs() + failedMs
      this.#o.onProblem(fault)
    }
  }

  async #read(vmid: number, row: GuestRow): Promise<void> {
    const facts = await readGuest(this.#o.pve, { node: row.node, vmid })
    if (facts) return this.#learn(vmid, facts, row)
    // It moved or went since; the next listing tells.
    this.#entry(vmid).notBeforeMs = this.#o.clock.monotonicMs() + failedMs
  }

  #learn(vmid: number, facts: GuestFacts, row: GuestRow | undefined): void {
    const entry = this.#entry(vmid)
    const before = entry.facts
    entry.facts = facts
    entry.readMs = this.#o.clock.monotonicMs()
    entry.isChanged = false
    entry.notBeforeMs = 0
    if (row) entry.row = row
    if (JSON.stringify(before) === JSON.stringify(facts)) return
    if (before?.mark?.uid !== facts.mark?.uid) entry.sinceMs = this.#o.clock.now()
    this.#tell(vmid)
  }

  /** No longer listed, which alone proves nothing. */
  async #prove(vmid: number, entry: Entry): Promise<void> {
    const presence = await presenceOf(this.#o, vmid, this.#o.clock.monotonicMs())
    if (presence.is !== 'absent') entry.notBeforeMs = this.#o.clock.monotonicMs() + failedMs
    else if (this.#entries.delete(vmid)) this.#tell(vmid)
  }

  #tell(vmid: number): void {
    for (const listener of this.#listeners) listener(vmid)
  }
}

/** When it was tried last. */
const triedMs = ({ readMs = 0, notBeforeMs }: Entry): number => Math.max(readMs, notBeforeMs - failedMs)

/** The configuration, the list of sets, and the set of a guest that had one (guest-reader.ts). */
const requestsOf = ({ facts }: Entry): number => (facts?.addresses.length ? 3 : 2)
