import type { ApiRequestable } from 'proxmox-api'
import { Agent, type Dispatcher } from 'undici'
import type { Clock } from '../ops/clock.ts'
import { EndpointFailover } from './endpoint-failover.ts'
import { rowOf, text } from './fields.ts'
import { isTrustFailure, PveError } from './pve-error.ts'
import { RequestGate } from '../ops/request-gate.ts'
import { RequestRate } from '../ops/request-rate.ts'
import { connectorFor, failedToConnect, type TlsTrust } from './tls-trust.ts'

/** pveproxy gives up on its own hop after 30 s and says 596; we wait a little longer to hear that. Headers and body together. */
const deadlineMs = 40_000
/** Of one guest, while nothing changes about it. Looks at its tasks, which thin out by themselves, come on top. */
const mostPerMinute = 45
/** pveproxy drops idle connections after 5 s (pve-http-server AnyEvent.pm). */
const keepAliveMs = 4_000

export interface PveClientOptions {
  /** `https://host:8006`; any of them serves any call. */
  endpoints: readonly string[]
  tokenID: string
  tokenSecret: string
  tls: TlsTrust
  /** spec.limits.requests. */
  requestsInFlight: number
}

/** One finished request, for metrics: `route` is a template and therefore of low cardinality. `status` 0 = no answer. */
export interface Observation {
  route: string
  method: string
  status: number
  seconds: number
}

interface Call {
  readonly method: Dispatcher.HttpMethod
  readonly route: string
  readonly path: string
  readonly body: string | undefined
}

/**
 * The engine below proxmox-api's typed paths. The package's own engine sends a POST again after a timeout, has no TLS trust and no
 * deadline for bodies (proxmox-api 1.1.1 ProxmoxEngine.ts), so only its paths and types are used.
 * No write is ever sent twice. A GET is sent once more when a kept-alive connection turns out to be closed.
 */
export class PveClient implements ApiRequestable {
  readonly #clock: Clock
  readonly #observe: ((seen: Observation) => void) | undefined
  readonly #gate: RequestGate
  readonly #mayWrite: () => void
  /** Requests that named a guest, by VMID: of a clone that of its template. */
  readonly perGuest: RequestRate
  #failover: EndpointFailover
  #agent: Agent
  #authorization: string
  /** The Date of PVE's last answer, and when it came by a clock that never jumps. */
  #lastDate: { readonly theirMs: number; readonly monotonicMs: number } | undefined

  /** `mayWrite` throws once this process must change nothing more. Asked when a write is about to leave: it may have waited for its turn. */
  constructor(options: PveClientOptions, o: { clock: Clock; observe?: (seen: Observation) => void; mayWrite?: () => void }) {
    this.#clock = o.clock
    this.#mayWrite = o.mayWrite ?? (() => undefined)
    this.#observe = o.observe
    this.#gate = new RequestGate(options.requestsInFlight)
    this.perGuest = new RequestRate({ clock: o.clock, limit: mostPerMinute })
    this.#failover = new EndpointFailover(options.endpoints, o.clock)
    this.#agent = agentFor(options.tls)
    this.#authorization = authorizationOf(options)
  }

  /** Takes other endpoints, credentials, trust or limits; requests under way end as they began. */
  reconfigure(options: PveClientOptions): void {
    const former = this.#agent
    this.#gate.setLimit(options.requestsInFlight)
    this.#failover = new EndpointFailover(options.endpoints, this.#clock)
    this.#agent = agentFor(options.tls)
    this.#authorization = authorizationOf(options)
    void former.close()
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }

  get inFlight(): number {
    return this.#gate.inFlight
  }

  get waiting(): number {
    return this.#gate.waiting
  }

  /** PVE's clock minus ours, from the Date header of the last answer; whole seconds. Right also when our clock has jumped since. */
  get skewMs(): number {
    if (!this.#lastDate) return 0
    const { theirMs, monotonicMs } = this.#lastDate
    return Math.round((theirMs + this.#clock.monotonicMs() - monotonicMs - this.#clock.now()) / 1000) * 1000
  }

  /** Called by proxmox-api with the filled path and its template, both with the `/api2/json` prefix. */
  async doRequest(method: string, path: string, template: string, params?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const call = callOf(method, path, template, params)
    const leave = await this.#gate.enter(isUrgent(call))
    const guest = /^[/]api2[/]json[/]nodes[/][^/]+[/]qemu[/](\d+)[/?]?/.exec(call.path)?.[1]
    if (guest) this.perGuest.note(Number(guest))
    const startedMs = this.#clock.monotonicMs()
    let status = 0
    try {
      const answer = await this.#withFailover(call)
      status = answer.status
      return dataOf(call, answer)
    } finally {
      leave()
      this.#observe?.({ route: call.route, method: call.method, status, seconds: (this.#clock.monotonicMs() - startedMs) / 1000 })
    }
  }

  async #withFailover(call: Call): Promise<Answer> {
    let last: unknown
    for (const origin of this.#failover.order()) {
      if (call.method !== 'GET') this.#mayWrite()
      try {
        const answer = await this.#withReplacedConnection(origin, call)
        this.#failover.answered(origin)
        return answer
      } catch (fault) {
        this.#failover.failed(origin)
        if (!failedToConnect(fault)) throw unanswered(call, fault, true)
        last = fault
      }
    }
    throw unanswered(call, last, false)
  }

  async #withReplacedConnection(origin: string, call: Call): Promise<Answer> {
    try {
      return await this.#send(origin, call)
    } catch (fault) {
      if (call.method !== 'GET' || failedToConnect(fault) || !wasReset(fault)) throw fault
      return await this.#send(origin, call)
    }
  }

  async #send(origin: string, call: Call): Promise<Answer> {
    const deadline = new AbortController()
    const cancel = this.#clock.after(deadlineMs, () => deadline.abort(new DeadlineExceeded()))
    try {
      const response = await this.#agent.request({
        origin,
        path: call.path,
        method: call.method,
        signal: deadline.signal,
        headers: {
          authorization: this.#authorization,
          ...(call.body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        body: call.body ?? null,
      })
      this.#noteDate(response.headers['date'])
      return { status: response.statusCode, phrase: response.statusText, body: await response.body.text() }
    } finally {
      cancel()
    }
  }

  #noteDate(date: string | string[] | undefined): void {
    const theirs = typeof date === 'string' ? Date.parse(date) : Number.NaN
    if (!Number.isNaN(theirs)) this.#lastDate = { theirMs: theirs, monotonicMs: this.#clock.monotonicMs() }
  }
}

class DeadlineExceeded extends Error {
  readonly code = 'DEADLINE_EXCEEDED'
  constructor() {
    super(`no answer within ${deadlineMs / 1000} s`)
  }
}

const agentFor = (tls: TlsTrust): Agent =>
  new Agent({
    connect: connectorFor(tls),
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    headersTimeout: 0, // our own deadline covers both
    bodyTimeout: 0,
  })

const authorizationOf = (o: PveClientOptions): string => `PVEAPIToken=${o.tokenID}=${o.tokenSecret}`

interface Answer {
  readonly status: number
  readonly phrase: string
  readonly body: string
}

function callOf(method: string, path: string, template: string, params: Readonly<Record<string, unknown>> | undefined): Call {
  const verb = method.toUpperCase()
  if (verb !== 'GET' && verb !== 'POST' && verb !== 'PUT' && verb !== 'DELETE') throw new TypeError(`no such method: ${method}`)
  const route = template.replace(/^\/api2\/json/, '')
  // A '.' segment would be resolved away and reach another route; '?' and '#' would end the path.
  const segments = path.split('/').map((segment) => {
    if (segment === '.' || segment === '..') throw new TypeError(`a path parameter of ${route} is "${segment}"`)
    return encodeURIComponent(segment.replaceAll('%2F', '/'))
  })
  const query = encode(params ?? {})
  const inBody = verb === 'POST' || verb === 'PUT' // a GET or DELETE with a body is answered 501 (recording 02)
  const tail = inBody || query === '' ? '' : `?${query}`
  return { method: verb, route, path: segments.join('/') + tail, body: inBody ? query : undefined }
}

/** Form encoding: all PVE versions take it on every hop. Booleans as 1 and 0, arrays as repeated keys, undefined left out. */
function encode(params: Readonly<Record<string, unknown>>): string {
  const form = new URLSearchParams()
  const add = (key: string, value: unknown) => form.append(key, typeof value === 'boolean' ? (value ? '1' : '0') : String(value))
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue
    if (Array.isArray(value)) for (const item of value) add(key, item)
    else add(key, value)
  }
  return form.toString()
}

const isUrgent = ({ method, route }: Call): boolean =>
  (method === 'POST' && route.startsWith('/nodes/*/qemu/*/status/')) || (method === 'DELETE' && route === '/nodes/*/qemu/*')

/** Errors of a connection that the other side had closed: pveproxy does so after 5 s, 100 requests, and every answer from 400 up. */
function wasReset(fault: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(fault) ?? '')
}

function codeOf(fault: unknown): string | undefined {
  const code = typeof fault === 'object' && fault !== null && 'code' in fault ? fault.code : undefined
  return typeof code === 'string' ? code : undefined
}

function unanswered(call: Call, fault: unknown, sent: boolean): PveError {
  const code = codeOf(fault)
  const told = fault instanceof AggregateError ? fault.errors.map((each) => messageOf(each)).join('; ') : messageOf(fault)
  return new PveError({
    message: isTrustFailure(code) ? trustSentence(told) : told,
    status: 0,
    sent,
    ...(code !== undefined && { code }),
    route: call.route,
    method: call.method,
    cause: fault,
  })
}

/** Node's advice is for who started the process; here the ProxmoxCluster says what is trusted. */
const trustSentence = (told: string): string =>
  told.includes('spec.tls')
    ? told
    : `${told.replace(/; if the root CA is installed locally.*$/s, '')}; trust is spec.tls.fingerprints or spec.tls.caBundle`

const messageOf = (fault: unknown): string =>
  fault instanceof Error && fault.message !== '' ? fault.message : (codeOf(fault) ?? String(fault))

function dataOf(call: Call, { status, phrase, body }: Answer): unknown {
  const envelope = parsed(body)
  if (status >= 200 && status < 300 && envelope !== undefined) return rowOf(envelope)['data']
  const row = rowOf(envelope)
  const told = text(row, 'message')?.trim() || phrase || `HTTP status ${status}`
  const errors = Object.entries(rowOf(row['errors'])).map(([name, value]) => [name, String(value)] as const)
  throw new PveError({
    message: status < 300 ? 'the answer is not JSON: is this a PVE API?' : told,
    status,
    sent: status !== 595 && status !== 401,
    route: call.route,
    method: call.method,
    errors: Object.fromEntries(errors),
  })
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
