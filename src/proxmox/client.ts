import type { ApiRequestable } from 'proxmox-api'
import { Agent } from 'undici'
import type { Clock } from '../ops/clock.ts'
import { EndpointFailover } from './endpoint-failover.ts'
import { type WireAnswer, type WireCall, callOf, dataOf, isUrgent } from './call.ts'
import { IdentityGuard, identityIn, identityRoute } from './identity.ts'
import { observed } from './observe.ts'
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
  /** spec.mode Observe: every write is refused here, whoever asks for it. */
  isObserving?: boolean
}

/** One finished request, for metrics: `route` is a template and therefore of low cardinality. `status` 0 = no answer. */
export interface Observation {
  route: string
  method: string
  status: number
  seconds: number
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
  /** Which PVE answers; asked before a write and before an answer is used, wherever that is in doubt. */
  readonly identity = new IdentityGuard()
  #failover: EndpointFailover
  #reader: Agent
  /** Has connections of its own, which are made to servers known to be the right PVE only. */
  #writer: Agent
  #authorization: string
  #isObserving: boolean
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
    this.#reader = this.#readerFor(options.tls)
    this.#writer = this.#writerFor(options.tls)
    this.#authorization = authorizationOf(options)
    this.#isObserving = options.isObserving === true
  }

  /** Takes other endpoints, credentials, trust or limits; requests under way end as they began. */
  reconfigure(options: PveClientOptions): void {
    const former = [this.#reader, this.#writer]
    this.#gate.setLimit(options.requestsInFlight)
    this.#failover = new EndpointFailover(options.endpoints, this.#clock)
    this.#reader = this.#readerFor(options.tls)
    this.#writer = this.#writerFor(options.tls)
    this.#authorization = authorizationOf(options)
    this.#isObserving = options.isObserving === true
    this.identity.forgetAll()
    for (const agent of former) void agent.close()
  }

  async close(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#writer.close()])
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
    if (this.#isObserving && call.method !== 'GET') throw observed(call.method, call.route)
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

  async #withFailover(call: WireCall): Promise<WireAnswer> {
    const isRead = call.method === 'GET'
    let last: unknown
    for (const origin of this.#failover.order()) {
      try {
        if (!isRead) await this.#confirm(origin)
      } catch (fault) {
        // Nothing was sent: the next endpoint may do.
        this.#failed(origin)
        if (fault instanceof PveError) throw fault
        last = fault
        continue
      }
      if (!isRead) this.#mayWrite()
      // It may have waited for its turn.
      if (!isRead && this.#isObserving) throw observed(call.method, call.route)
      try {
        const answer = await this.#withReplacedConnection(origin, call)
        this.#failover.answered(origin)
        if (answer.status < 300) await this.#verify(origin, call, answer)
        return answer
      } catch (fault) {
        if (fault instanceof PveError) throw fault
        this.#failed(origin)
        if (!failedToConnect(fault)) throw unanswered(call, fault, true)
        last = fault
      }
    }
    throw unanswered(call, last, false)
  }

  #failed(origin: string): void {
    this.#failover.failed(origin)
    this.identity.forget(origin)
  }

  /** What an endpoint in doubt has answered is not used before it is known which PVE it is. */
  async #verify(origin: string, call: WireCall, answer: WireAnswer): Promise<void> {
    if (call.path.endsWith(identityRoute)) this.identity.learn(origin, identityIn(dataOf(call, answer)))
    else if (call.method === 'GET') await this.#confirm(origin)
  }

  #confirm(origin: string): Promise<void> {
    const call = callOf('GET', `/api2/json${identityRoute}`, '/api2/json/nodes/*/certificates/info', undefined)
    return this.identity.confirm(origin, async () => dataOf(call, await this.#send(origin, call)))
  }

  #readerFor(tls: TlsTrust): Agent {
    const noted = (origin: string, certificate: string): undefined => {
      this.identity.connected(origin, certificate)
    }
    return agentWith(connectorFor(tls, noted))
  }

  #writerFor(tls: TlsTrust): Agent {
    return agentWith(connectorFor(tls, (_, certificate) => (this.identity.mayCarryWrites(certificate) ? undefined : new UnknownServer())))
  }

  async #withReplacedConnection(origin: string, call: WireCall): Promise<WireAnswer> {
    try {
      return await this.#send(origin, call)
    } catch (fault) {
      if (fault instanceof UnknownServer) {
        this.identity.forget(origin)
        await this.#confirm(origin)
        this.#mayWrite()
        return await this.#send(origin, call)
      }
      if (call.method !== 'GET' || failedToConnect(fault) || !wasReset(fault)) throw fault
      return await this.#send(origin, call)
    }
  }

  async #send(origin: string, call: WireCall): Promise<WireAnswer> {
    const deadline = new AbortController()
    const cancel = this.#clock.after(deadlineMs, () => deadline.abort(new DeadlineExceeded()))
    try {
      const response = await (call.method === 'GET' ? this.#reader : this.#writer).request({
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

function agentWith(connect: ReturnType<typeof connectorFor>): Agent {
  return new Agent({
    connect,
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    headersTimeout: 0, // our own deadline covers both
    bodyTimeout: 0,
  })
}

/** Another server than before may answer: a renewed certificate, another node, another PVE. */
class UnknownServer extends Error {
  readonly code = 'UNKNOWN_SERVER'
  constructor() {
    super('the endpoint shows a certificate that the operator does not know for this PVE')
  }
}

class DeadlineExceeded extends Error {
  readonly code = 'DEADLINE_EXCEEDED'
  constructor() {
    super(`no answer within ${deadlineMs / 1000} s`)
  }
}

const authorizationOf = (o: PveClientOptions): string => `PVEAPIToken=${o.tokenID}=${o.tokenSecret}`

/** Errors of a connection that the other side had closed: pveproxy does so after 5 s, 100 requests, and every answer from 400 up. */
function wasReset(fault: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(fault) ?? '')
}

function codeOf(fault: unknown): string | undefined {
  const code = typeof fault === 'object' && fault !== null && 'code' in fault ? fault.code : undefined
  return typeof code === 'string' ? code : undefined
}

function unanswered(call: WireCall, fault: unknown, sent: boolean): PveError {
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
    : `${told.replace(/; if the root CA is installed locally.*$/s, '')}; write spec.tls.fingerprints or spec.tls.caBundle of the ProxmoxCluster`

const messageOf = (fault: unknown): string =>
  fault instanceof Error && fault.message !== '' ? fault.message : (codeOf(fault) ?? String(fault))
