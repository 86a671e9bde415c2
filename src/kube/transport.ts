import type { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import type { KubeServer } from './config.ts'
import { KubeError, refusal } from './kube-error.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Which connections a request goes over: watches last for minutes, a list of ten thousand objects for seconds, and a Lease must be
 * renewed meanwhile. So none of them waits for another's.
 */
export type Lane = 'requests' | 'leases' | 'watches'

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

/** One HTTP exchange with the API server: connections, TLS, who we are. Neither retries nor judges statuses. */
export class Transport {
  readonly #server: KubeServer
  readonly #origin: string
  readonly #prefix: string
  readonly #lanes: Readonly<Record<Lane, Agent>>

  constructor(server: KubeServer) {
    const url = new URL(server.url)
    this.#server = server
    this.#origin = url.origin
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#lanes = {
      requests: lane(server, { connections: 8, connectMs: 10_000 }),
      // a renewal that waits for a lost SYN would cost the leadership
      leases: lane(server, { connections: 2, connectMs: 3_000 }),
      watches: lane(server, { connections: null, connectMs: 10_000 }),
    }
  }

  /** The whole answer as text. Throws a KubeError of status 0 when there is none, the signal's reason when it aborted. */
  async exchange(o: Exchange): Promise<Answer> {
    const first = await this.#once(o, false)
    return first.status === 401 && this.#server.authorization ? this.#once(o, true) : first
  }

  /** A watch: resolves once the server has answered 200, throws a KubeError otherwise. The body has no deadline of its own. */
  async stream(path: string, o: { signal: AbortSignal; headersTimeoutMs: number; accept?: string | undefined }): Promise<Readable> {
    const exchange: Exchange = { method: 'GET', path, lane: 'watches', signal: o.signal, accept: o.accept }
    const open = (fresh: boolean) => this.#send(exchange, fresh, { headersTimeout: o.headersTimeoutMs, bodyTimeout: 0 })
    try {
      let response = await open(false)
      if (response.statusCode === 401 && this.#server.authorization) {
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
    await Promise.all(Object.values(this.#lanes).map((agent) => agent.destroy()))
  }

  async #once(o: Exchange, fresh: boolean): Promise<Answer> {
    try {
      const response = await this.#send(o, fresh, { headersTimeout: answerDeadlineMs, bodyTimeout: answerDeadlineMs })
      return { status: response.statusCode, text: await response.body.text(), retryAfter: headerOf(response, 'retry-after') }
    } catch (fault) {
      throw noAnswer(o, fault)
    }
  }

  async #send(o: Exchange, fresh: boolean, timeouts: { headersTimeout: number; bodyTimeout: number }): Promise<Dispatcher.ResponseData> {
    const authorization = await this.#server.authorization?.({ fresh })
    const as = this.#server.impersonate
    const headers: Record<string, string | string[]> = {
      accept: o.accept ?? 'application/json',
      'user-agent': userAgent,
      ...(authorization && { authorization }),
      ...(o.body !== undefined && { 'content-type': o.contentType ?? 'application/json' }),
      ...(as && { 'impersonate-user': as.user, 'impersonate-group': [...as.groups] }),
    }
    const { method, body = null, signal = null } = o
    const options = { origin: this.#origin, path: this.#prefix + o.path, method, headers, body, signal, ...timeouts }
    return unlessAborted(this.#lanes[o.lane ?? 'requests'].request(options), signal)
  }
}

/** HTTP/1.1 on purpose: over HTTP/2 all lanes would share one TCP connection and with it one stall. */
function lane(server: KubeServer, { connections, connectMs }: { connections: number | null; connectMs: number }): Agent {
  return new Agent({
    allowH2: false,
    connections,
    keepAliveTimeout: 30_000,
    connect: {
      timeout: connectMs,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      ...(server.ca && { ca: server.ca }),
      ...(server.cert && { cert: server.cert }),
      ...(server.key && { key: server.key }),
      ...(server.serverName && { servername: server.serverName }),
      rejectUnauthorized: !server.skipTlsVerify,
    },
  })
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
  return new KubeError(`${o.method} ${o.path.split('?')[0]}: no answer: ${cause.code ?? ''} ${cause.message}`, {
    status: 0,
    reason: 'NoAnswer',
    cause: fault,
  })
}
