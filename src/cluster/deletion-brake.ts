/**
 * The brake on deletions of one ProxmoxCluster: at most so many VMs are destroyed in a window, whoever asked for it. A namespace deleted by
 * mistake, a GitOps prune or a script that went wrong stop here, after few VMs, until a person says that all of it is meant.
 */
import { type CountedDeletion, mostCountedDeletions } from '../api/proxmoxcluster-status.ts'
import type { Clock } from '../ops/clock.ts'
import type { DeletionRecord } from './deletion-record.ts'

/** What `limits.deletions` of the cluster allows now. */
export interface DeletionLimit {
  readonly max: number
  readonly windowMs: number
  /** Until then (milliseconds since the epoch) a person has lifted the limit. */
  readonly liftedUntilMs?: number
}

/** Who asks to destroy a VM. */
export interface DeletionRequest {
  /** Key of the ProxmoxVM: woken when there is room. */
  readonly key: string
  readonly uid: string
  /** One destruction, in words that tell it from the next one of the same VM: `deletion`, `reinstall 2026-11-26`. */
  readonly errand: string
}

export type DeletionLeave =
  | { readonly is: 'granted' }
  /** `position`: 1 = next. `roomAtMs`: when the window has room again; undefined: never by itself (a limit of 0). */
  | ({ readonly is: 'braked'; readonly position: number; readonly used: number; readonly roomAtMs?: number } & DeletionLimit)

/** Without `limits.deletions.max`: this many, or this part of the cluster's VMs, whichever is more. */
const leastMax = 20
const usualPart = 0.02

export const usualMax = (vms: number): number => Math.min(mostCountedDeletions, Math.max(leastMax, Math.floor(vms * usualPart)))

/** Who has not asked again for this long has given up; whoever waits asks at least every five minutes. */
const patienceMs = 15 * 60_000

/** What was counted is kept at least this long. */
const rememberedMs = 3_600_000

interface Waiter extends DeletionRequest {
  askedAtMs: number
}

const idOf = ({ uid, errand }: Pick<DeletionRequest, 'uid' | 'errand'>): string => `${uid} ${errand}`

export class DeletionBrake {
  readonly #record: DeletionRecord
  readonly #limit: () => DeletionLimit
  readonly #clock: Clock
  readonly #listeners = new Set<(key: string) => void>()
  readonly #changed: () => void
  /** Newest last; undefined until the record was read. */
  #counted: readonly CountedDeletion[] | undefined
  /** Granted once is granted for as long as it is asked about, also when the destruction takes longer than the window. */
  readonly #granted = new Map<string, { uid: string; askedAtMs: number }>()
  readonly #waiting = new Map<string, Waiter>()
  #turn: Promise<unknown> = Promise.resolve()
  #unwritten: CountedDeletion[] = []
  #cancelTimer: () => void = () => undefined

  constructor(o: {
    record: DeletionRecord
    /** Asked at each decision, so that an edit or a person's leave counts at once. */
    limit: () => DeletionLimit
    clock: Clock
    /** Called when somebody begins or ends waiting. */
    onChange?: () => void
  }) {
    this.#record = o.record
    this.#limit = o.limit
    this.#clock = o.clock
    this.#changed = o.onChange ?? (() => undefined)
  }

  /**
   * Counts the destruction and grants it, or says where it stands in the line. Granted: it is on record before the answer. May be asked any
   * number of times. Throws when the record cannot be read or written: then nothing may be destroyed.
   */
  async ask(request: DeletionRequest): Promise<DeletionLeave> {
    const id = idOf(request)
    this.#dropTheImpatient()
    if (this.#granted.has(id)) return this.#grant(id, request)
    this.#counted ??= await this.#record.read()
    const now = this.#clock.now()
    if (this.#isCounted(id)) return this.#grant(id, request)
    const before = this.#waiting.size
    for (const [other, { uid }] of this.#waiting) if (uid === request.uid && other !== id) this.#waiting.delete(other)
    this.#waiting.set(id, { ...request, ...this.#waiting.get(id), askedAtMs: now })
    const limit = this.#limit()
    const used = this.#usedSince(now - limit.windowMs)
    const position = [...this.#waiting.keys()].indexOf(id) + 1
    const isLifted = (limit.liftedUntilMs ?? 0) > now
    if (isLifted || position <= limit.max - used) {
      this.#waiting.delete(id)
      await this.#count({ vm: request.key, uid: request.uid, errand: request.errand, at: new Date(now).toISOString() })
      if (before > 0) this.#changed()
      return this.#grant(id, request)
    }
    this.#arm()
    if (this.#waiting.size !== before) this.#changed()
    const roomAtMs = this.#roomAtMs(limit, used - limit.max + position)
    return { is: 'braked', ...limit, position, used, ...(roomAtMs !== undefined && { roomAtMs }) }
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Its VM is being destroyed, or was a moment ago. */
  isGranted(uid: string): boolean {
    return [...this.#granted.values()].some((granted) => granted.uid === uid)
  }

  /** Destroyed inside the present window. */
  get used(): number {
    return this.#usedSince(this.#clock.now() - this.#limit().windowMs)
  }

  /** For the status of the cluster: how many wait, when the next of them goes on by itself, and until when a person lets all go on. */
  get summary(): { waiting: number; roomAtMs?: number; liftedUntilMs?: number } {
    const roomAtMs = this.#nextRoomAtMs()
    const { liftedUntilMs = 0 } = this.#limit()
    const isLifted = liftedUntilMs > this.#clock.now()
    return { waiting: this.#waiting.size, ...(roomAtMs !== undefined && { roomAtMs }), ...(isLifted && { liftedUntilMs }) }
  }

  /** The VM is gone, or nothing of it is to be destroyed any more. */
  release(uid: string): void {
    const before = this.#waiting.size
    for (const [id, waiter] of this.#waiting) if (waiter.uid === uid) this.#waiting.delete(id)
    for (const [id, granted] of this.#granted) if (granted.uid === uid) this.#granted.delete(id)
    if (this.#waiting.size === before) return
    this.#changed()
    this.wake()
  }

  /** Called with the key of a VM that waits and may have room now. */
  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The limit may have changed, or the window moved on: whoever has room now is told. */
  wake(): void {
    const now = this.#clock.now()
    const limit = this.#limit()
    const room = (limit.liftedUntilMs ?? 0) > now ? this.#waiting.size : limit.max - this.#usedSince(now - limit.windowMs)
    for (const { key } of [...this.#waiting.values()].slice(0, Math.max(0, room))) for (const told of this.#listeners) told(key)
    this.#arm()
  }

  close(): void {
    this.#cancelTimer()
  }

  #grant(id: string, { uid }: DeletionRequest): DeletionLeave {
    this.#waiting.delete(id)
    this.#granted.set(id, { uid, askedAtMs: this.#clock.now() })
    return { is: 'granted' }
  }

  #isCounted(id: string): boolean {
    return (this.#counted ?? []).some((entry) => idOf(entry) === id)
  }

  /** What is being written counts as well. */
  #usedSince(sinceMs: number): number {
    const inWindow = (this.#counted ?? []).filter(({ at }) => Date.parse(at) > sinceMs).length
    return inWindow + this.#unwritten.length
  }

  /** When `entries` of the counted ones have left the window. */
  #roomAtMs({ max, windowMs }: DeletionLimit, entries: number): number | undefined {
    if (max === 0) return undefined
    const times = [...(this.#counted ?? []), ...this.#unwritten]
      .map(({ at }) => Date.parse(at))
      .filter((at) => at > this.#clock.now() - windowMs)
    const leaving = times.toSorted((a, b) => a - b)[Math.max(0, entries - 1)] ?? times.at(-1) ?? this.#clock.now()
    return leaving + windowMs
  }

  /** When the first that waits has room; undefined: nobody waits, or never by itself. */
  #nextRoomAtMs(): number | undefined {
    const limit = this.#limit()
    return this.#waiting.size === 0 ? undefined : this.#roomAtMs(limit, this.used - limit.max + 1)
  }

  #dropTheImpatient(): void {
    const sinceMs = this.#clock.now() - patienceMs
    for (const asked of [this.#waiting, this.#granted]) for (const [id, { askedAtMs }] of asked) if (askedAtMs < sinceMs) asked.delete(id)
  }

  /** Many that are granted at once go into one write. */
  async #count(entry: CountedDeletion): Promise<void> {
    this.#unwritten.push(entry)
    const mine = this.#turn.then(() => this.#writeWith(entry))
    this.#turn = mine.catch(() => undefined)
    await mine
  }

  /** What could not be written is counted by nobody, and nobody's VM is destroyed for it. */
  async #writeWith(entry: CountedDeletion): Promise<void> {
    if (this.#counted?.includes(entry)) return
    if (!this.#unwritten.includes(entry)) throw new Error('failed to count the deletion, so the operator deletes nothing')
    const batch = [...this.#unwritten]
    const next = [...this.#remembered(), ...batch].slice(-mostCountedDeletions)
    try {
      await this.#record.write(next)
      this.#counted = next
    } finally {
      this.#unwritten = this.#unwritten.filter((other) => !batch.includes(other))
    }
  }

  /** Longer than the window: a destruction that takes long is known after a restart and not counted twice. */
  #remembered(): CountedDeletion[] {
    const sinceMs = this.#clock.now() - Math.max(this.#limit().windowMs, rememberedMs)
    return (this.#counted ?? []).filter(({ at }) => Date.parse(at) > sinceMs)
  }

  #arm(): void {
    this.#cancelTimer()
    const at = this.#nextRoomAtMs()
    if (at !== undefined) this.#cancelTimer = this.#clock.after(Math.max(0, at - this.#clock.now()) + 1, () => this.wake())
  }
}
