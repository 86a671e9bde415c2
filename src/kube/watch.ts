import type { KubeObject, Resource } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import { backoffMs } from './backoff.ts'
import { type KubeClient, KubeError, type Selection } from './client.ts'
import { keyOf } from './keys.ts'
import { isNotServed, refusedLater } from './kube-error.ts'
import { jsonLines } from './lines.ts'
import { acceptOf, collectionPath, query } from './paths.ts'
import type { Store } from './store.ts'

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: T
}

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient
  resource: Resource<T>
  store: Store<T>
  clock: Clock
  /** A stream without a byte for this long is dead: the server sends a bookmark about once a minute. */
  watchdogMs?: number
  selection?: Selection
  /** Whether to ask for list and watch in one stream (served since Kubernetes 1.34 by default); falls back by itself. */
  watchList?: boolean
  /** Asked when the server does not serve the kind: whether it is known to be deleted. Then there is nothing of it, and the store is complete. */
  isGone?: () => boolean
  onProblem?: (message: string) => void
  random?: () => number
}

const initialEventsEnd = 'k8s.io/initial-events-end'
const headersTimeoutMs = 30_000
/** A handful of watches can afford to look often: five seconds after the server is back everything is known again. */
const backoff = { baseMs: 200, capMs: 5_000 }

/** The server, or the way to it, has gone quiet. */
class Silence extends Error {}

/**
 * Keeps a Store equal to what the API server has: list, then watch from there, for ever. Survives cuts, stalls, refusals, restarts
 * and forgotten history (410), and after each the store is exact: what was missed is told as changes.
 */
export class Reflector<T extends KubeObject> {
  readonly #o: ReflectorOptions<T>
  readonly #watchdogMs: number
  readonly #random: () => number
  #watchList: boolean
  /** Where to resume; undefined = a complete list is needed. */
  #version: string | undefined
  #failures = 0
  #heardMs: number | undefined
  /** Streams in a row that told nothing at all. */
  #silences = 0

  constructor(o: ReflectorOptions<T>) {
    this.#o = o
    this.#watchdogMs = o.watchdogMs ?? 90_000
    this.#watchList = o.watchList ?? true
    this.#random = o.random ?? Math.random
  }

  /** Seconds since the server was last heard, bookmarks counted; undefined before the first time. */
  get silentSeconds(): number | undefined {
    return this.#heardMs === undefined ? undefined : (performance.now() - this.#heardMs) / 1_000
  }

  /** Resolves after the signal aborted, when its connection is closed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now()
      try {
        await this.#round(signal)
        // a server that ends every watch at once must not be asked in a tight loop
        if (performance.now() - startedMs > 1_000) this.#failures = 0
        else await this.#pause(undefined, signal)
      } catch (fault) {
        if (!signal.aborted) await this.#recover(fault, signal)
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    if (this.#version !== undefined) return this.#watch(signal)
    if (this.#watchList) return this.#watchWithInitialEvents(signal)
    await this.#list(signal)
    return this.#watch(signal)
  }

  async #recover(fault: unknown, signal: AbortSignal): Promise<void> {
    const error = fault instanceof Error ? fault : new Error(String(fault))
    if (error instanceof Silence) this.#silences += 1
    // a server restored from a backup takes a version from its future, and tells nothing until it is there again
    if (isForgotten(error) || this.#silences > 1) this.#version = undefined
    if (this.#watchList && this.#version === undefined && fault instanceof KubeError && (fault.status === 400 || fault.status === 422)) {
      this.#watchList = false
      return
    }
    if (isNotServed(fault) && this.#o.isGone?.() === true) this.#empty()
    this.#o.onProblem?.(`watch of ${this.#o.resource.plural}: ${isNotServed(fault) ? unknownKind : error.message}`)
    await this.#pause(fault instanceof KubeError ? fault.retryAfterSeconds : undefined, signal)
  }

  #empty(): void {
    this.#version = undefined
    this.#o.store.beginReplace()
    this.#o.store.endReplace(new Set(), '0')
  }

  async #pause(retryAfterSeconds: number | undefined, signal: AbortSignal): Promise<void> {
    const ownMs = backoffMs({ ...backoff, failures: this.#failures, random: this.#random })
    this.#failures += 1
    if (retryAfterSeconds !== undefined) this.#o.client.notePutOff('WATCH', this.#o.resource.plural, retryAfterSeconds)
    await this.#o.clock.sleep(Math.max(ownMs, (retryAfterSeconds ?? 0) * 1_000), signal)
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, store } = this.#o
    store.beginReplace()
    const seen = new Set<string>()
    let resourceVersion = ''
    for await (const page of client.pages(resource, this.#o.selection, signal)) {
      for (const item of page.items) {
        seen.add(keyOf(item))
        store.upsert(item)
      }
      resourceVersion = page.resourceVersion
    }
    store.endReplace(seen, resourceVersion)
    this.#version = resourceVersion
  }

  /** One stream that first tells everything there is, then a marked bookmark, then what changes. */
  async #watchWithInitialEvents(signal: AbortSignal): Promise<void> {
    const { store } = this.#o
    const seen = new Set<string>()
    store.beginReplace()
    await this.#stream({ sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }, signal, (event, version) => {
      if (this.#version !== undefined) return this.#take(event, version)
      if (event.type !== 'BOOKMARK') {
        if (event.type === 'DELETED') seen.delete(keyOf(event.object))
        else seen.add(keyOf(event.object))
        this.#apply(event)
      } else if (event.object.metadata.annotations?.[initialEventsEnd] === 'true') {
        store.endReplace(seen, version)
        this.#version = version
        this.#failures = 0
        this.#silences = 0
      }
    })
  }

  #watch(signal: AbortSignal): Promise<void> {
    return this.#stream({ resourceVersion: this.#version }, signal, (event, version) => this.#take(event, version))
  }

  /** An event after the initial ones: from here on the version may be resumed from. */
  #take(event: WatchEvent<T>, version: string): void {
    if (event.type === 'BOOKMARK') this.#o.store.progress(version)
    else this.#apply(event)
    this.#version = version
    this.#failures = 0
    this.#silences = 0
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'DELETED') this.#o.store.remove(event.object)
    else this.#o.store.upsert(event.object)
  }

  /** Opens one watch and hands over its events until the server ends it. Throws when it is refused, cut or silent. */
  async #stream(
    start: Record<string, string | undefined>,
    signal: AbortSignal,
    onEvent: (event: WatchEvent<T>, version: string) => void,
  ): Promise<void> {
    const { client, resource, selection = {} } = this.#o
    const search = query({
      watch: 'true',
      allowWatchBookmarks: 'true',
      // between four and eight minutes, so that a thousand watches do not all come back at once
      timeoutSeconds: String(240 + Math.floor(this.#random() * 240)),
      labelSelector: selection.labelSelector,
      fieldSelector: selection.fieldSelector,
      ...start,
    })
    const own = new AbortController()
    const watchdog = this.#watchOver(own)
    try {
      const either = AbortSignal.any([signal, own.signal])
      const path = collectionPath(resource, selection.namespace) + search
      const body = await client.stream(path, {
        signal: either,
        headersTimeoutMs: Math.min(headersTimeoutMs, this.#watchdogMs),
        resource: resource.plural,
        accept: acceptOf(resource, 'object'),
      })
      for await (const line of jsonLines(body, watchdog.sawBytes)) {
        const event = line as WatchEvent<T>
        if (event.type === 'ERROR') throw refusedLater(`watch of ${resource.plural}`, event.object)
        onEvent(event, event.object.metadata.resourceVersion ?? '')
      }
    } catch (fault) {
      throw own.signal.aborted ? own.signal.reason : fault
    } finally {
      watchdog.stop()
      own.abort()
    }
  }

  /** One timer for the whole stream: it looks when the last byte came, and sleeps on for the rest. */
  #watchOver(stream: AbortController): { sawBytes: () => void; stop: () => void } {
    let lastMs = performance.now()
    let cancel = (): void => undefined
    const arm = (ms: number): void => {
      cancel = this.#o.clock.after(ms, () => {
        const leftMs = this.#watchdogMs - (performance.now() - lastMs)
        if (leftMs > 0) arm(leftMs)
        else stream.abort(new Silence(`no byte for ${this.#watchdogMs / 1000} s`))
      })
    }
    arm(this.#watchdogMs)
    const sawBytes = (): void => {
      lastMs = performance.now()
      this.#heardMs = lastMs
    }
    return { sawBytes, stop: () => cancel() }
  }
}

/** The collection itself is not served. */
const unknownKind = 'not served (404); if it stays so, install the CRDs: pve-operator crds | kubectl apply --server-side -f -'

/** 410: the history we want to resume from is compacted. "Too large": the server was restored from a backup and is behind us. */
function isForgotten(fault: Error): boolean {
  return fault instanceof KubeError && (fault.status === 410 || fault.message.includes('Too large resource version'))
}
