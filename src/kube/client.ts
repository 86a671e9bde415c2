import type { Readable } from 'node:stream'
import type { KubeObject, Resource } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import type { KubeServer } from './config.ts'
import type { Key } from './keys.ts'
import { isNotFound, KubeError, refusal } from './kube-error.ts'
import { acceptOf, collectionPath, objectPath, query, type Subresource } from './paths.ts'
import { type Lane, type Method, Transport } from './transport.ts'

export { KubeError } from './kube-error.ts'
export type { Key } from './keys.ts'

export interface ClientOptions {
  server: KubeServer
  /** Who owns the fields we write (at most 128 characters). */
  fieldManager: string
  clock: Clock
  /** `Strict`: a field the schema does not know is refused instead of dropped. For tests: a CRD may be older than the operator. */
  fieldValidation?: 'Strict' | 'Warn'
  /** Every write is judged by the API server and not stored. */
  dryRun?: boolean
  /**
   * Once for each answered or failed request (status 0): `resource` is the plural, with its subresource. A watch is told when it is
   * opened or refused, as verb WATCH.
   */
  onRequest?: (x: { verb: string; resource: string; status: number; seconds: number }) => void
  /** The server asked to come back later, and for so many seconds nothing is sent for this request. */
  onPutOff?: (x: { verb: string; resource: string; seconds: number }) => void
}

export interface Selection {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
}

export interface RequestOptions {
  contentType?: string
  lane?: Lane
  accept?: string | undefined
  signal?: AbortSignal
  /** Label of metrics; the path if absent. */
  resource?: string
}

interface ListAnswer<T> {
  metadata: { resourceVersion: string; continue?: string }
  items: T[] | null
}

const pageSize = 500
/** A server under load says when to come back (429, 503 with Retry-After: nothing was executed); beyond this the caller must know. */
const patienceSeconds = 10
const patienceTries = 5

/** Typed verbs over the API server, for one identity. Throws KubeError; only reads are repeated after a lost connection. */
export class KubeClient {
  readonly #transport: Transport
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
    this.#transport = new Transport(options.server)
  }

  /** undefined = the API server says that there is none. A 404 of anybody else throws. */
  async get<T extends KubeObject>(resource: Resource<T>, key: Key, o: RequestOptions = {}): Promise<T | undefined> {
    try {
      return (await this.request('GET', objectPath(resource, key), undefined, {
        resource: resource.plural,
        accept: acceptOf(resource, 'object'),
        ...o,
      })) as T
    } catch (fault) {
      if (isNotFound(fault)) return undefined
      throw fault
    }
  }

  async list<T extends KubeObject>(resource: Resource<T>, o: Selection = {}): Promise<T[]> {
    const items: T[] = []
    for await (const page of this.pages(resource, o)) items.push(...page.items)
    return items
  }

  /** A list in pages of 500, all of one moment, whose resourceVersion a watch may start from. Of two pages only one is held at a time. */
  async *pages<T extends KubeObject>(
    resource: Resource<T>,
    { namespace, labelSelector, fieldSelector }: Selection = {},
    signal?: AbortSignal,
  ): AsyncGenerator<{ items: T[]; resourceVersion: string }> {
    const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
    const o = { resource: resource.plural, accept: acceptOf(resource, 'list'), ...(signal && { signal }) }
    for (let token: string | undefined; ; ) {
      const search = query({ labelSelector, fieldSelector, limit: String(pageSize), continue: token })
      const page = (await this.request('GET', collectionPath(resource, namespace) + search, undefined, o)) as ListAnswer<T>
      // the items of a built-in list carry neither kind nor apiVersion
      // an empty list of metadata has none at all
      const items = (page.items ?? []).map((item) => ({ ...item, apiVersion, kind: resource.kind }))
      yield { items, resourceVersion: page.metadata.resourceVersion }
      token = page.metadata.continue
      if (!token) return
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, o: RequestOptions & { dryRun?: boolean } = {}): Promise<T> {
    const path = collectionPath(resource, object.metadata.namespace) + this.#writeQuery(o.dryRun ? { dryRun: 'All' } : {})
    return (await this.request('POST', path, object, { resource: resource.plural, ...o })) as T
  }

  /** PUT: the object's resourceVersion makes it a compare-and-swap; 409 throws a KubeError with reason Conflict. */
  async replace<T extends KubeObject>(resource: Resource<T>, object: T, o: RequestOptions = {}): Promise<T> {
    const path = objectPath(resource, object.metadata) + this.#writeQuery({})
    return (await this.request('PUT', path, object, { resource: resource.plural, ...o })) as T
  }

  /** As `replace`, of the status alone. */
  async replaceStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const path = objectPath(resource, object.metadata, 'status') + this.#writeQuery({})
    return (await this.request('PUT', path, object, { resource: `${resource.plural}/status` })) as T
  }

  async mergePatch<T extends KubeObject>(
    resource: Resource<T>,
    key: Key,
    patch: object,
    o: { subresource?: Subresource; lane?: Lane } = {},
  ): Promise<T> {
    const path = objectPath(resource, key, o.subresource) + this.#writeQuery({})
    return (await this.request('PATCH', path, patch, {
      ...(o.lane && { lane: o.lane }),
      contentType: 'application/merge-patch+json',
      resource: o.subresource ? `${resource.plural}/${o.subresource}` : resource.plural,
    })) as T
  }

  /** Server-side apply; conflicts are taken over unless `force` is false. */
  async apply<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    o: { force?: boolean; subresource?: Subresource; fieldManager?: string; dryRun?: boolean } = {},
  ): Promise<T> {
    const search = this.#writeQuery({
      force: String(o.force ?? true),
      ...(o.fieldManager && { fieldManager: o.fieldManager }),
      ...(o.dryRun && { dryRun: 'All' }),
    })
    return (await this.request('PATCH', objectPath(resource, object.metadata, o.subresource) + search, object, {
      contentType: 'application/apply-patch+yaml',
      resource: o.subresource ? `${resource.plural}/${o.subresource}` : resource.plural,
    })) as T
  }

  /** Gone already is fine; a precondition that does not hold throws a KubeError with reason Conflict. */
  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: Key,
    preconditions: { uid?: string; resourceVersion?: string } = {},
  ): Promise<void> {
    // In the body: the API server reads no query beside one (apiserver, handlers/delete.go), and would delete in earnest.
    const options = { ...(this.#options.dryRun && { dryRun: ['All'] }), ...(Object.keys(preconditions).length > 0 && { preconditions }) }
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
    try {
      await this.request('DELETE', objectPath(resource, key), body, { resource: resource.plural })
    } catch (fault) {
      if (!isNotFound(fault)) throw fault
    }
  }

  /** Any request by path and query; the parsed JSON of the answer. Waits and repeats when the server says when to come back. */
  async request(method: Method, path: string, body?: unknown, o: RequestOptions = {}): Promise<unknown> {
    let waitedSeconds = 0
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(method, path, body, o)
      } catch (fault) {
        const pauseSeconds = pauseBeforeRetry(method, fault, attempt)
        waitedSeconds += pauseSeconds ?? 0
        if (pauseSeconds === undefined || waitedSeconds > patienceSeconds || o.signal?.aborted) throw fault
        if (pauseSeconds > 0) this.notePutOff(method, labelOf(path, o), pauseSeconds)
        await this.#options.clock.sleep(pauseSeconds * 1000, o.signal)
      }
    }
  }

  /** The bytes of a watch; see Transport.stream. Waits for nothing: whoever watches comes back by itself. */
  async stream(
    path: string,
    o: { signal: AbortSignal; headersTimeoutMs: number; accept?: string | undefined; resource?: string },
  ): Promise<Readable> {
    const startedMs = performance.now()
    let status = 200
    try {
      return await this.#transport.stream(path, o)
    } catch (fault) {
      status = fault instanceof KubeError ? fault.status : 0
      throw fault
    } finally {
      this.#note('WATCH', labelOf(path, o), status, startedMs)
    }
  }

  /** For whoever waits by itself because the server asked to come back later. */
  notePutOff(verb: string, resource: string, seconds: number): void {
    this.#options.onPutOff?.({ verb, resource, seconds })
  }

  /** Ends all connections, watches included. */
  close(): Promise<void> {
    return this.#transport.close()
  }

  async #once(method: Method, path: string, body: unknown, o: RequestOptions): Promise<unknown> {
    const startedMs = performance.now()
    let status = 0
    try {
      const answer = await this.#transport.exchange({
        method,
        path,
        signal: o.signal,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(o.contentType && { contentType: o.contentType }),
        ...(o.lane && { lane: o.lane }),
        ...(o.accept && { accept: o.accept }),
      })
      status = answer.status
      if (status > 299) throw refusal(`${method} ${path.split('?')[0]}`, status, answer.text, answer.retryAfter)
      return answer.text === '' ? undefined : parsed(answer.text)
    } finally {
      this.#note(method, labelOf(path, o), status, startedMs)
    }
  }

  #note(verb: string, resource: string, status: number, startedMs: number): void {
    this.#options.onRequest?.({ verb, resource, status, seconds: (performance.now() - startedMs) / 1000 })
  }

  #writeQuery(more: Record<string, string | undefined>): string {
    const { fieldManager, fieldValidation, dryRun } = this.#options
    return query({ fieldManager, fieldValidation, dryRun: dryRun ? 'All' : undefined, ...more })
  }
}

const labelOf = (path: string, { resource }: { resource?: string }): string => resource ?? path.split('?')[0] ?? path

/** `/healthz` and its like answer in plain text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** undefined = do not repeat. */
function pauseBeforeRetry(method: Method, fault: unknown, attempt: number): number | undefined {
  if (!(fault instanceof KubeError) || attempt >= patienceTries) return undefined
  // the server closes idle connections; a read that met such a one is harmless to repeat, a write may have been executed
  if (fault.status === 0) return method === 'GET' && attempt === 1 ? 0 : undefined
  const told = fault.status === 429 || fault.status === 503
  // with jitter: all that were put off in one second would come back in one moment
  return told && fault.retryAfterSeconds !== undefined ? Math.max(0.1, fault.retryAfterSeconds) * (1 + Math.random() / 4) : undefined
}
