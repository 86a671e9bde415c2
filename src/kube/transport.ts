/** One HTTP exchange with the API server: connections, TLS, who we are. Neither retries nor judges statuses. */
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import type { KubeServer } from './config.ts'
import { KubeError, refusal } from './kube-error.ts'
import type { TlsMaterial } from './login.ts'
import { connectionsTo } from './proxy.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Which connections a request goes over: watches last for minutes, a list of ten thousand objects for seconds, and a Lease must be
 * renewed meanwhile. Events come in thousands, and what they tell of must not wait for them. So none of them waits for another's.
 */
export type Lane = 'requests' | 'events' | 'leases' | 'watches'

export interface Exchange {
  method: Method
  /** Path and query, without the server's own prefix. */
  path: string
  body?: string
  contentType?: string
  /** Media type of the answer; JSON if absent. */
  accept?: string | undefined
  lane?: Lane
  signal?: AbortSignal | undefined
}

export interface Answer {
  status: number
  text: string
  retryAfter: string | undefined
}

const answerDeadlineMs = 30_000
const userAgent = `pve-operator (node ${process.versions.node})`

type Lanes = Readonly<Record<Lane, Dispatcher>>

export class Transport {
  readonly #server: KubeServer
  readonly #origin: string
  readonly #prefix: string
  #material: TlsMaterial
  #lanes: Lanes
  /** Connections under older certificates, until what is under way on them has ended. */
  readonly #retired = new Set<Dispatcher>()

  constructor(server: KubeServer) {
    const url = new URL(server.url)
    this.#server = server
    this.#origin = url.origin
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#material = server
    this.#lanes = lanesTo(server, server)
  }

  /** The whole answer as text. Throws a KubeError of status 0 when there is none, the signal's reason when it aborted. */
  async exchange(o: Exchange): Promise<Answer> {
    const first = await this.#once(o, false)
    return first.status === 401 && this.#mayChange ? this.#once(o, true) : first
  }

  /** A watch: resolves once the server has answered 200, throws a KubeError otherwise. The body has no deadline of its own. */
  async stream(path: string, o: { signal: AbortSignal; headersTimeoutMs: number; accept?: string | undefined }): Promise<Readable> {
    const exchange: Exchange = { method: 'GET', path, lane: 'watches', signal: o.signal, accept: o.accept }
    const open = (fresh: boolean) => this.#send(exchange, fresh, { headersTimeout: o.headersTimeoutMs, bodyTimeout: 0 })
    try {
      let response = await open(false)
      if (response.statusCode === 401 && this.#mayChange) {
        await response.body.dump()
        response = await open(true)
      }
      if (response.statusCode === 200) return response.body
      throw refusal(`watch ${path}`, response.statusCode, await response.body.text(), headerOf(response, 'retry-after'))
    } catch (fault) {
      throw noAnswer(exchange, fault)
    }
  }

  /** Closes every connection at once; what is under way fails. */
  async close(): Promise<void> {
    await Promise.all([...Object.values(this.#lanes), ...this.#retired].map((each) => each.destroy()))
  }

  get #mayChange(): boolean {
    return this.#server.authorization !== undefined || this.#server.tls !== undefined
  }

  /** Connections under the certificates of now. A server judges a certificate once a connection, so a new one needs new connections. */
  async #current(fresh: boolean): Promise<Lanes> {
    const material = await this.#server.tls?.({ fresh })
    if (material === undefined || isSame(material, this.#material)) return this.#lanes
    for (const old of Object.values(this.#lanes)) this.#retire(old)
    this.#material = material
    this.#lanes = lanesTo(this.#server, material)
    return this.#lanes
  }

  #retire(old: Dispatcher): void {
    this.#retired.add(old)
    const end = (): void => void this.#retired.delete(old)
    old.close().then(end, end)
  }

  async #once(o: Exchange, fresh: boolean): Promise<Answer> {
    try {
      const response = await this.#send(o, fresh, { headersTimeout: answerDeadlineMs, bodyTimeout: answerDeadlineMs })
      return { status: response.statusCode, text: await textOf(response), retryAfter: headerOf(response, 'retry-after') }
    } catch (fault) {
      throw noAnswer(o, fault)
    }
  }

  async #send(o: Exchange, fresh: boolean, timeouts: { headersTimeout: number; bodyTimeout: number }): Promise<Dispatcher.ResponseData> {
    const authorization = await this.#server.authorization?.({ fresh })
    const lanes = await this.#current(fresh)
    const as = this.#server.impersonate
    const headers: Record<string, string | string[]> = {
      accept: o.accept ?? 'application/json',
      'user-agent': userAgent,
      // asked for with every read but a watch, and done by the server from 128 KiB on: a page of VMs becomes a twentieth
      ...(o.method === 'GET' && o.lane !== 'watches' && { 'accept-encoding': 'gzip' }),
      ...(authorization && { authorization }),
      ...(o.body !== undefined && { 'content-type': o.contentType ?? 'application/json' }),
      ...(as && { 'impersonate-user': as.user, 'impersonate-group': [...as.groups] }),
    }
    const { method, body = null, signal = null } = o
    const options = { origin: this.#origin, path: this.#prefix + o.path, method, headers, body, signal, ...timeouts }
    return unlessAborted(lanes[o.lane ?? 'requests'].request(options), signal)
  }
}

function lanesTo(server: KubeServer, { ca, cert, key }: TlsMaterial): Lanes {
  const tls = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(server.serverName && { servername: server.serverName }),
    rejectUnauthorized: !server.skipTlsVerify,
  }
  const lane = (connections: number | null, connectMs: number): Dispatcher =>
    connectionsTo({ connections, connectMs, tls, ...(server.proxy && { proxy: server.proxy }) })
  return {
    // half of the passes that run at a time
    requests: lane(16, 10_000),
    events: lane(4, 10_000),
    // a renewal that waits for a lost SYN would cost the leadership
    leases: lane(2, 3_000),
    watches: lane(null, 10_000),
  }
}

const isSame = (a: TlsMaterial, b: TlsMaterial): boolean => a.ca === b.ca && a.cert === b.cert && a.key === b.key

const unzipped = promisify(gunzip)

async function textOf(response: Dispatcher.ResponseData): Promise<string> {
  if (headerOf(response, 'content-encoding') !== 'gzip') return response.body.text()
  return (await unzipped(await response.body.bytes())).toString('utf8')
}

/** undici looks at the signal of a request only once it has a connection, which a stalled network keeps it waiting for. */
function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (!signal) return answer
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function noAnswer(o: Exchange, fault: unknown): unknown {
  if (fault instanceof KubeError) return fault
  if (o.signal?.aborted) return o.signal.reason
  const cause = fault as Error & { code?: string }
  return new KubeError(`${o.method} ${o.path.split('?')[0]}: no answer from the API server: ${cause.code ?? ''} ${cause.message}`, {
    status: 0,
    reason: 'NoAnswer',
    cause: fault,
  })
}
