/** Writes Events about our objects. */
import { createHash, randomBytes } from 'node:crypto'
import { type Event, coreEvents, type KubeObject } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import { type KubeClient, KubeError } from './client.ts'
import { EventBundles } from './event-bundles.ts'
import { isNotFound } from './kube-error.ts'
import { microTime } from './micro-time.ts'

export interface EventRecorderOptions {
  client: KubeClient
  /** Who reports, e.g. `pve.hosting/operator`. */
  component: string
  /** Which copy of it; the component's name if absent. */
  instance?: string
  clock: Clock
  onProblem?: (message: string) => void
  /** An event is given up: the queue is full, or the server refuses. */
  onDropped?: () => void
}

/** Thousands of these are kept for ten minutes and more after a large rollout, so what is on the server is not kept here. */
interface Series {
  readonly key: string
  readonly name: Event['metadata']
  /** What is to be written; absent once it is. */
  event?: Event
  count: number
  lastMs: number
  writtenCount: number
  /** By the clock that never jumps. */
  writtenMs: number
  /** Whether the event is on the server. */
  exists: boolean
  /** In the queue or being written. */
  queued: boolean
  cancel?: () => void
}

/** Equal events within this time of the last one are one Event with a count. */
const seriesGapMs = 10 * 60_000
/** A count is written at most this often: a loop that reports each second costs two writes a minute. */
const seriesPauseMs = 30_000
const queueLimit = 20_000
/** More than this at once are written slowly: an Event must not take the API server from the work it tells of. */
const burst = 20
const burstPaceMs = 50
/** However many wait, the last of them is asked for within this time. */
const mostLateMs = 5_000
/** Written at the same time, on as many connections of their own (transport.ts). */
const writers = 4
const tries = 3
const noteBytes = 1_024

/** Writes Events (events.k8s.io/v1) in the background: an Event is a courtesy and never worth a failure or a wait. */
export class EventRecorder {
  readonly #o: EventRecorderOptions
  readonly #bundles: EventBundles
  /** In the order in which they last occurred. */
  readonly #series = new Map<string, Series>()
  #queue: Series[] = []
  #pumping: Promise<void> | undefined
  #flushing = false
  /** Counts the events of this process, to tell those of one millisecond apart. */
  #named = 0

  constructor(o: EventRecorderOptions) {
    this.#o = o
    this.#bundles = new EventBundles(o.clock)
  }

  /** Never throws and never waits. `action` says what was being done, in one CamelCase word; the reason if absent. */
  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, action: string = reason): void {
    const isLater = this.#bundles.add(about, type, reason, message, (note) => this.#record(about, type, reason, note, action))
    if (!isLater) this.#record(about, type, reason, message, action)
  }

  #record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, action: string): void {
    const nowMs = this.#o.clock.now()
    const said = { type, reason, note: cut(message), action }
    const key = fingerprint(about, said)
    const known = this.#series.get(key)
    this.#series.delete(key)
    if (known && nowMs - known.lastMs < seriesGapMs) {
      this.#series.set(key, known)
      known.count += 1
      known.lastMs = nowMs
      known.event ??= { ...this.#event(about, said, nowMs), metadata: known.name }
      this.#schedule(known)
      return
    }
    known?.cancel?.()
    this.#forgetOld(nowMs)
    const event = this.#event(about, said, nowMs)
    const counts = { count: 1, lastMs: nowMs, writtenCount: 0, writtenMs: 0 }
    const fresh: Series = { key, name: event.metadata, event, ...counts, exists: false, queued: false }
    this.#series.set(key, fresh)
    this.#enqueue(fresh)
  }

  /** Writes what is waiting, counts included; for the end of the process, which must not hang on a server that is gone. */
  async flush(o: { withinMs: number } = { withinMs: 5_000 }): Promise<void> {
    this.#flushing = true
    this.#bundles.flush()
    for (const series of this.#series.values()) {
      series.cancel?.()
      if (series.count > series.writtenCount) this.#enqueue(series)
    }
    const over = new AbortController()
    const written = (async () => {
      while (this.#pumping) await this.#pumping
    })()
    await Promise.race([written, this.#o.clock.sleep(o.withinMs, over.signal)])
    over.abort()
    this.#flushing = false
  }

  #event(about: KubeObject, said: Pick<Event, 'type' | 'reason' | 'action'> & { note: string }, nowMs: number): Event {
    const { name, namespace, uid } = about.metadata
    const { component, instance = component } = this.#o
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      // events about cluster-scoped objects live in `default`: the server demands it
      metadata: { name: `${name.slice(0, 220)}.${this.#nameInTime(nowMs)}`, namespace: namespace ?? 'default' },
      eventTime: microTime(nowMs),
      reportingController: component,
      reportingInstance: instance.slice(0, 128),
      regarding: { apiVersion: about.apiVersion, kind: about.kind, name, ...(namespace && { namespace }), ...(uid && { uid }) },
      ...said,
    }
  }

  /**
   * The end of an event's name: sorted by name, events of an object are sorted by time, also those of one millisecond.
   * `kubectl describe` shows events of this API in the order of their names, since it sorts by a time that they do not have.
   */
  #nameInTime(nowMs: number): string {
    this.#named = (this.#named + 1) % 0x10000
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
    return `${hex(Math.max(0, Math.floor(nowMs)), 12)}${hex(this.#named, 4)}${randomBytes(4).toString('hex')}`
  }

  /** The first repetition is written at once (people see that it goes on), later ones at their pace. */
  #schedule(series: Series): void {
    if (series.queued || series.cancel) return
    const dueMs = this.#flushing || series.writtenCount <= 1 ? 0 : series.writtenMs + seriesPauseMs - this.#o.clock.monotonicMs()
    if (dueMs <= 0) {
      this.#enqueue(series)
      return
    }
    const cancel = this.#o.clock.after(dueMs, () => {
      delete series.cancel
      this.#enqueue(series)
    })
    series.cancel = () => {
      cancel()
      delete series.cancel
    }
  }

  #enqueue(series: Series): void {
    if (series.queued) return
    if (this.#queue.length >= queueLimit) {
      this.#o.onDropped?.()
      return
    }
    series.queued = true
    this.#queue.push(series)
    this.#pumping ??= this.#pump()
  }

  async #pump(): Promise<void> {
    for (let batch = this.#queue; batch.length > 0; batch = this.#queue) {
      this.#queue = []
      const paceMs = batch.length > burst ? Math.min(burstPaceMs, mostLateMs / batch.length) : 0
      const left = batch.values()
      await Promise.all(Array.from({ length: Math.min(writers, batch.length) }, () => this.#writeSome(left, paceMs)))
    }
    this.#pumping = undefined
  }

  /** One of several that take from the same batch, in its order. */
  async #writeSome(left: IterableIterator<Series>, paceMs: number): Promise<void> {
    for (const series of left) {
      const written = await this.#write(series)
      series.queued = false
      if (written && series.count > series.writtenCount) this.#schedule(series)
      if (paceMs > 0 && !this.#flushing) await this.#o.clock.sleep(paceMs * writers)
    }
  }

  async #write(series: Series): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      const { count, event } = series
      if (!event) return true
      try {
        await (series.exists ? this.#update(series, event, count) : this.#create(series, event, count))
        series.exists = true
        series.writtenCount = count
        series.writtenMs = this.#o.clock.monotonicMs()
        if (series.count === count) delete series.event
        return true
      } catch (fault) {
        // no answer, or a server that is not well; anything else would be refused again
        const passing = fault instanceof KubeError && (fault.status === 0 || fault.status === 429 || fault.status >= 500)
        if (!passing || attempt === tries) {
          this.#o.onDropped?.()
          this.#series.delete(series.key)
          this.#o.onProblem?.(`event ${event.reason} about ${event.regarding.name} was not written: ${String(fault)}`)
          return false
        }
        await this.#o.clock.sleep(attempt * 1_000)
      }
    }
  }

  async #create(series: Series, event: Event, count: number): Promise<void> {
    const counted = count > 1 ? { ...event, series: { count, lastObservedTime: microTime(series.lastMs) } } : event
    await this.#o.client.create(coreEvents, counted, { lane: 'events' }).catch((fault: unknown) => {
      // the answer to our own earlier attempt was lost
      if (!(fault instanceof KubeError && fault.reason === 'AlreadyExists')) throw fault
    })
  }

  async #update(series: Series, event: Event, count: number): Promise<void> {
    const patch = { series: { count, lastObservedTime: microTime(series.lastMs) } }
    try {
      await this.#o.client.mergePatch(coreEvents, series.name, patch, { lane: 'events' })
    } catch (fault) {
      if (!isNotFound(fault)) throw fault
      // events live for an hour; a series may live longer
      await this.#create(series, event, count)
    }
  }

  #forgetOld(nowMs: number): void {
    for (const [key, series] of this.#series) {
      if (nowMs - series.lastMs < seriesGapMs) return
      if (!series.queued && !series.cancel) this.#series.delete(key)
    }
  }
}

/** Equal for what is one series: the words themselves would be kept a second time. */
function fingerprint({ kind, metadata: { uid, namespace, name } }: KubeObject, said: object): string {
  const text = JSON.stringify([kind, uid ?? [namespace, name], said])
  return createHash('sha256').update(text).digest('base64url')
}

/** At most 1024 bytes, whole characters. */
function cut(message: string): string {
  if (Buffer.byteLength(message) <= noteBytes) return message
  const bytes = Buffer.from(message).subarray(0, noteBytes - 3)
  return `${bytes.toString('utf8').replace(/\uFFFD+$/, '')}…`
}
