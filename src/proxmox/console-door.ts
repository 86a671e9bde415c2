/** The way to the screen of one guest: vncproxy or termproxy, then vncwebsocket, at one and the same node (PVE::API2::Qemu). */
import { Agent } from 'undici'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Clock } from '../ops/clock.ts'
import { permissionsOf } from './answers.ts'
import { callOf, dataOf } from './call.ts'
import { rowOf, text } from './fields.ts'
import { clusterChanged, identityIn, identityRoute } from './identity.ts'
import { isTrustFailure, PveError } from './pve-error.ts'
import { connectorFor, failedToConnect, type TlsTrust } from './tls-trust.ts'

/** A token, or a user: termproxy asks PVE for a password login of the user who called it, which a token cannot give. */
export type ConsoleLogin =
  | { readonly tokenID: string; readonly tokenSecret: string }
  | { readonly username: string; readonly password: string }

export interface ConsoleDoorOptions {
  /** `https://host:8006`, tried in this order. */
  readonly endpoints: readonly string[]
  readonly tls: TlsTrust
  readonly login: ConsoleLogin
  /** SHA-256 of pve-root-ca.pem; undefined: nothing is compared. */
  readonly identity?: string | undefined
  readonly clock: Clock
}

/** An open connection to a guest's screen or serial port. */
export interface ConsoleWire {
  readonly socket: WebSocket
  /** What the other end asks for: of VNC, or the user and ticket of a terminal. */
  readonly user: string
  readonly ticket: string
  readonly password: string
}

const deadlineMs = 15_000
/** The picture of a guest in 4K, not compressed, is 33 MB. */
const largestMessage = 64 * 1024 ** 2

type Headers = Record<string, string>
type Guest = { readonly node: string; readonly vmid: number }

/** Throws PveError as the client of the operator does. Holds nothing open between calls. */
export class ConsoleDoor {
  readonly #o: ConsoleDoorOptions

  constructor(o: ConsoleDoorOptions) {
    this.#o = o
  }

  /** Whether the credentials have VM.Console on the guest. */
  async mayLook(vmid: number): Promise<boolean> {
    const path = `/vms/${vmid}`
    return await this.#atOne(async (ask) => {
      const permissions = permissionsOf(await ask('GET', '/access/permissions', '/access/permissions', { path }))
      return permissions[path]?.['VM.Console'] !== undefined
    })
  }

  /** The picture of the graphics card: VNC with a password of its own. */
  async screen(guest: Guest): Promise<ConsoleWire> {
    return await this.#open(guest, 'vncproxy', { websocket: true, 'generate-password': true })
  }

  /** The text of a serial port. */
  async terminal(guest: Guest): Promise<ConsoleWire> {
    return await this.#open(guest, 'termproxy', { serial: 'serial0' })
  }

  /** The node that answers the first call listens for the second, whichever node the guest is on: neither call is passed on (no proxyto). */
  async #open({ node, vmid }: Guest, proxy: 'vncproxy' | 'termproxy', params: Record<string, unknown>): Promise<ConsoleWire> {
    return await this.#atOne(async (ask, origin, headers) => {
      const row = rowOf(await ask('POST', `/nodes/${node}/qemu/${vmid}/${proxy}`, `/nodes/*/qemu/*/${proxy}`, params))
      const [ticket, port, user] = [text(row, 'ticket') ?? '', text(row, 'port') ?? '', text(row, 'user') ?? '']
      const search = new URLSearchParams({ port, vncticket: ticket })
      const path = `/api2/json/nodes/${encodeURIComponent(node)}/qemu/${vmid}/vncwebsocket?${search.toString()}`
      const socket = await this.#webSocket(origin, path, headers)
      return { socket, user, ticket, password: text(row, 'password') ?? ticket }
    })
  }

  async #atOne<T>(work: (ask: Ask, origin: string, headers: Headers) => Promise<T>): Promise<T> {
    let last: unknown
    for (const endpoint of this.#o.endpoints) {
      const origin = endpoint.replace(/\/+$/, '')
      const agent = new Agent({ connect: connectorFor(this.#o.tls), allowH2: false, pipelining: 1 })
      try {
        const headers: Headers = {}
        const ask: Ask = (method, path, route, params) => this.#ask(agent, origin, headers, { method, path, route, params })
        Object.assign(headers, await this.#login(ask))
        await this.#compare(ask)
        return await work(ask, origin, headers)
      } catch (fault) {
        // Another endpoint is tried only when this one was not reached at all.
        if (!(fault instanceof PveError) || fault.sent || fault.status !== 0 || fault.code === clusterChanged) throw fault
        last = fault
      } finally {
        void agent.close()
      }
    }
    throw last
  }

  async #login(ask: Ask): Promise<Headers> {
    const { login } = this.#o
    if ('tokenID' in login) return { authorization: `PVEAPIToken=${login.tokenID}=${login.tokenSecret}` }
    const { username, password } = login
    const row = rowOf(await ask('POST', '/access/ticket', '/access/ticket', { username, password }))
    const ticket = encodeURIComponent(text(row, 'ticket') ?? '')
    return { cookie: `PVEAuthCookie=${ticket}`, csrfpreventiontoken: text(row, 'CSRFPreventionToken') ?? '' }
  }

  async #compare(ask: Ask): Promise<void> {
    const { identity } = this.#o
    if (identity === undefined) return
    const found = identityIn(await ask('GET', identityRoute, '/nodes/*/certificates/info'))
    if (found === identity.toUpperCase()) return
    const message = `a different PVE answers: its CA (pve-root-ca.pem) has the SHA-256 ${found || '(none)'}, and ${identity} is the known one`
    throw new PveError({ message, status: 0, sent: false, code: clusterChanged, route: identityRoute, method: 'GET' })
  }

  async #ask(agent: Agent, origin: string, headers: Headers, o: Asked): Promise<unknown> {
    const call = callOf(o.method, `/api2/json${o.path}`, `/api2/json${o.route}`, o.params)
    const deadline = new AbortController()
    const cancel = this.#o.clock.after(deadlineMs, () => deadline.abort(new Error(`no answer within ${deadlineMs / 1000} s`)))
    try {
      const { path, method, body = null } = call
      const sent = { ...headers, ...(body !== null && { 'content-type': 'application/x-www-form-urlencoded' }) }
      const answer = await agent.request({ origin, path, method, body, headers: sent, signal: deadline.signal })
      return dataOf(call, { status: answer.statusCode, phrase: answer.statusText, body: await answer.body.text() })
    } catch (fault) {
      throw fault instanceof PveError ? fault : noAnswer(fault, call)
    } finally {
      cancel()
    }
  }

  async #webSocket(origin: string, path: string, headers: Headers): Promise<WebSocket> {
    const route = { route: '/nodes/*/qemu/*/vncwebsocket', method: 'GET' }
    // Trust is judged before the credentials leave, as for every other call.
    const connection = await connected(origin, this.#o.tls).catch((fault: unknown) => {
      throw noAnswer(fault, route)
    })
    const { authorization, cookie } = headers
    // PVE ends a connection whose client does not offer the protocol `binary`.
    const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}${path}`, ['binary'], {
      createConnection: () => connection,
      headers: { ...(authorization && { authorization }), ...(cookie && { cookie }) },
      handshakeTimeout: deadlineMs,
      maxPayload: largestMessage,
      perMessageDeflate: false,
    })
    // What comes with the answer waits until somebody reads.
    socket.once('upgrade', () => socket.once('open', () => socket.pause()))
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve())
      socket.once('error', (fault) => reject(noAnswer(fault, route)))
      socket.once('unexpected-response', (_, response) => {
        const { statusCode = 500, statusMessage = '' } = response
        response.destroy()
        reject(new PveError({ message: statusMessage, status: statusCode, sent: true, ...route }))
      })
    })
    return socket
  }
}

type Asked = {
  method: 'GET' | 'POST'
  path: string
  route: string
  params?: Readonly<Record<string, unknown>> | undefined
}
type Ask = (method: Asked['method'], path: string, route: string, params?: Readonly<Record<string, unknown>>) => Promise<unknown>

function connected(origin: string, tls: TlsTrust): Promise<Duplex> {
  const { hostname, host, protocol, port } = new URL(origin)
  const plainName = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    connectorFor(tls)(
      { hostname: plainName, host, protocol, port: port || (protocol === 'https:' ? '443' : '80') },
      (...[error, socket]) => {
        if (error) reject(error)
        else resolve(socket)
      },
    )
  })
}

function noAnswer(fault: unknown, { route, method }: { route: string; method: string }): PveError {
  const code = typeof fault === 'object' && fault !== null && 'code' in fault ? String(fault.code) : undefined
  const message = fault instanceof Error && fault.message !== '' ? fault.message : (code ?? String(fault))
  const sent = !failedToConnect(fault) && !isTrustFailure(code)
  return new PveError({ message, status: 0, sent, ...(code !== undefined && { code }), route, method, cause: fault })
}
