import type { Clock } from '../ops/clock.ts'
import type { Pve } from './endpoints.ts'
import { type Failure, judge } from './failures.ts'
import { changedGuests, changedStorages, type Listing, listingOf, toggledNodes } from './listing.ts'

export type { GuestRow, NodeRow, Listing, StorageRow } from './listing.ts'

/**
 * One listing serves every VM of the cluster. PVE's own figures in it move every 10 s and are up to 12 s old, and what a guest does to its own
 * power shows nowhere else: with 7 s on top it is known within 19 s.
 */
const busyMs = 5_000
const idleMs = 7_000
/** Callers who need a fresh listing share one; two listings never start closer together than this. */
const closestMs = 500

export interface InventoryChange {
  /** Guests that appeared, vanished, or changed in node, lock, status, template, name or tags; and those of a node that came or went. */
  readonly vmids: ReadonlySet<number>
  /** Nodes that went on- or offline, into or out of maintenance, or whose figures ceased or came back. */
  readonly nodes: ReadonlySet<string>
  /** Storages that came, went, became available or not, or allow other content. */
  readonly storages: ReadonlySet<string>
  /** Present when PVE became (true) or ceased to be (false) reachable. */
  readonly reachability?: boolean
}

/** How many listings have told a change since the beginning, and how many of them one of a node: who compares two of these missed none. */
export interface ChangeCount {
  readonly all: number
  readonly nodes: number
}

const overSentence = 'the operator no longer watches this ProxmoxCluster'

interface Waiter {
  readonly notBeforeMs: number
  resolve(listing: Listing): void
  reject(fault: unknown): void
}

/** The poller of one PVE cluster. An error of PVE changes nothing that is known; it only ages. */
export class Inventory {
  readonly #pve: Pick<Pve, 'resources'>
  readonly #clock: Clock
  readonly #onProblem: (fault: unknown) => void
  readonly #listeners = new Set<(change: InventoryChange) => void>()
  #waiters: Waiter[] = []
  #current: Listing | undefined
  #failure: Failure | undefined
  #unreachableSinceMs: number | undefined
  #changes: ChangeCount = { all: 0, nodes: 0 }
  #holds = 0
  #isOver = false
  #wake: (() => void) | undefined

  /** `onProblem` gets what a listener throws; it stops nobody else. */
  constructor(o: { pve: Pick<Pve, 'resources'>; clock: Clock; onProblem?: (fault: unknown) => void }) {
    this.#pve = o.pve
    this.#clock = o.clock
    this.#onProblem = o.onProblem ?? (() => {})
  }

  /** The last good listing, however old: compare `startedAtMs`. */
  current(): Listing | undefined {
    return this.#current
  }

  /** Since when PVE gives no listing; undefined while it does. */
  get unreachableSinceMs(): number | undefined {
    return this.#unreachableSinceMs
  }

  /** Grows before anybody is told of the change. */
  get changes(): ChangeCount {
    return this.#changes
  }

  get lastFailure(): Failure | undefined {
    return this.#failure
  }

  get lastError(): string | undefined {
    return this.#failure?.message
  }

  /** A listing whose request started at or after `ms`. Rejects with the PveError of that listing if it fails. */
  since(ms: number): Promise<Listing> {
    if (this.#current !== undefined && this.#current.startedAtMs >= ms) return Promise.resolve(this.#current)
    // Nobody would ever serve a caller who comes after the end, and a process that stops waits for its passes.
    if (this.#isOver) return Promise.reject(new Error(overSentence))
    return new Promise((resolve, reject) => {
      this.#waiters.push({ notBeforeMs: ms, resolve, reject })
      this.#wake?.()
    })
  }

  subscribe(listener: (change: InventoryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Something is under way: listings come every 5 s instead of every 7 s until the answer is called. */
  hold(): () => void {
    this.#holds += 1
    if (this.#holds === 1) this.#wake?.()
    let held = true
    return () => {
      if (held) this.#holds -= 1
      held = false
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAtMs = this.#clock.monotonicMs()
      await this.#poll(startedAtMs)
      await this.#rest(startedAtMs, signal)
    }
    this.#isOver = true
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error(overSentence))
  }

  async #poll(startedAtMs: number): Promise<void> {
    try {
      const rows = await this.#pve.resources()
      this.#learn(listingOf(rows, startedAtMs))
    } catch (fault) {
      this.#failed(fault, startedAtMs)
    }
  }

  #learn(listing: Listing): void {
    const before = this.#current
    const cameBack = this.#unreachableSinceMs !== undefined || before === undefined
    this.#current = listing
    this.#failure = undefined
    this.#unreachableSinceMs = undefined
    this.#serve(listing.startedAtMs, (waiter) => waiter.resolve(listing))
    const vmids = changedGuests(before, listing)
    const nodes = toggledNodes(before, listing)
    const storages = changedStorages(before, listing)
    if (vmids.size > 0 || nodes.size > 0 || storages.size > 0 || cameBack)
      this.#tell({ vmids, nodes, storages, ...(cameBack && { reachability: true }) })
  }

  #failed(fault: unknown, startedAtMs: number): void {
    const wentAway = this.#unreachableSinceMs === undefined
    this.#failure = judge(fault)
    this.#unreachableSinceMs ??= startedAtMs
    this.#serve(startedAtMs, (waiter) => waiter.reject(fault))
    if (wentAway) this.#tell({ vmids: new Set(), nodes: new Set(), storages: new Set(), reachability: false })
  }

  #serve(startedAtMs: number, answer: (waiter: Waiter) => void): void {
    const served = this.#waiters.filter(({ notBeforeMs }) => notBeforeMs <= startedAtMs)
    this.#waiters = this.#waiters.filter(({ notBeforeMs }) => notBeforeMs > startedAtMs)
    for (const waiter of served) answer(waiter)
  }

  #tell(change: InventoryChange): void {
    const { all, nodes } = this.#changes
    const isOfNodes = change.nodes.size > 0 || change.reachability !== undefined
    this.#changes = { all: all + 1, nodes: nodes + (isOfNodes ? 1 : 0) }
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (fault) {
        this.#onProblem(fault)
      }
    }
  }

  /** Until the next listing is due, counted from the start of the last one; woken early by waiters and the first hold. */
  async #rest(startedAtMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const pauseMs = startedAtMs + this.#pauseMs() - this.#clock.monotonicMs()
      if (pauseMs <= 0 || signal.aborted) return
      await this.#sleepUnlessWoken(pauseMs, signal)
    }
  }

  #pauseMs(): number {
    if (this.#waiters.length > 0) return closestMs
    return this.#holds > 0 ? busyMs : idleMs
  }

  async #sleepUnlessWoken(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    await this.#clock.sleep(ms, AbortSignal.any([signal, woken.signal]))
    this.#wake = undefined
  }
}
