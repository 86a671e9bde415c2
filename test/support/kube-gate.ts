import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Agent, type Dispatcher } from 'undici'
import type { KubeServer } from '../../src/kube/config.ts'
import type { Wire, Write } from './wire.ts'

/** What one operator of a test sees of the API server that all tests share. */
export interface Scope {
  readonly namespace: string
  readonly cluster: string
  /** There are others, with the label of this world. */
  readonly hasMoreClusters?: boolean
}

/** On the pools, zones and packages of a world, so that the operator of another one leaves them alone. */
export const worldLabel = 'test.pve.hosting/world'

const api = '/apis/pve.hosting/v1alpha1'

/**
 * A proxy between one operator and the real API server. It shows the operator only the objects of its own world, and does to its
 * requests what the wire says.
 */
export class KubeGate {
  readonly #target: KubeServer
  readonly #wire: Wire
  readonly #scope: Scope
  readonly #agent: Agent
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(o: { target: KubeServer; wire: Wire; scope: Scope }) {
    this.#target = o.target
    this.#wire = o.wire
    this.#scope = o.scope
    this.#agent = new Agent({ connect: { ca: o.target.ca }, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 })
    this.#server = createServer((request, response) => void this.#pass(request, response).catch(() => request.socket.destroy()))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    o.wire.onCut(() => this.#reset())
  }

  static async open(o: { target: KubeServer; wire: Wire; scope: Scope }): Promise<KubeGate> {
    const gate = new KubeGate(o)
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve))
    return gate
  }

  get server(): KubeServer {
    const { authorization, impersonate } = this.#target
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return { url, ...(authorization && { authorization }), ...(impersonate && { impersonate }) }
  }

  async close(): Promise<void> {
    this.#reset()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.#agent.destroy()
  }

  #reset(): void {
    // Not the one whose write is under way: its answer is withheld when it comes.
    for (const socket of this.#sockets) if (!this.#busy.has(socket)) socket.destroy()
  }

  readonly #busy = new Set<Socket>()

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const { socket, method = 'GET', url = '/' } = request
    const isWrite = method !== 'GET'
    if (isWrite) this.#busy.add(socket)
    if (isWrite) this.#wire.hear(method, new URL(url, 'http://gate').pathname)
    if (isWrite) await this.#wire.beforeKube(method, new URL(url, 'http://gate').pathname)
    try {
      const fate = this.#wire.fate(writeOf(method, url))
      if (fate === 'lost before') return void socket.destroy()
      const answer = await this.#forward(request, body, response)
      if (fate === 'lost after') {
        await answer.body.dump()
        return void socket.destroy()
      }
      if (fate === '504 after') {
        await answer.body.dump()
        return void response.writeHead(504).end()
      }
      response.writeHead(answer.statusCode, onlyThose(answer.headers, ['content-type', 'retry-after']))
      // A watch must show its first bytes at once.
      response.flushHeaders()
      answer.body.on('error', () => socket.destroy())
      const { pathname, searchParams } = new URL(url, 'http://gate')
      const isWatch = searchParams.get('watch') === 'true'
      if (isWatch)
        Readable.from(this.#held(answer.body, pathname.split('/').at(-1) ?? ''))
          .on('error', () => socket.destroy())
          .pipe(response)
      else answer.body.pipe(response)
    } finally {
      this.#busy.delete(socket)
    }
  }

  async *#held(bytes: AsyncIterable<Buffer>, plural: string): AsyncGenerator<Buffer> {
    for await (const some of bytes) {
      await this.#wire.beforeWatched(plural)
      yield some
    }
  }

  async #forward(request: IncomingMessage, body: string, response: ServerResponse): Promise<Dispatcher.ResponseData> {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const headers: Record<string, string | string[]> = onlyThose(request.headers, [
      'authorization',
      'accept',
      'content-type',
      'user-agent',
      'impersonate-user',
    ])
    const groups = request.headersDistinct['impersonate-group']
    if (groups) headers['impersonate-group'] = groups
    return await this.#agent.request({
      origin: this.#target.url,
      path: scoped(request.url ?? '/', this.#scope),
      method: (request.method ?? 'GET') as Dispatcher.HttpMethod,
      headers,
      body: body === '' ? null : body,
      signal: request.method === 'GET' ? gone.signal : null,
    })
  }
}

function onlyThose(headers: IncomingMessage['headers'], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])))
}

/** A list or watch over all namespaces becomes one over what belongs to this world. */
function scoped(url: string, { namespace, cluster, hasMoreClusters }: Scope): string {
  const at = new URL(url, 'http://gate')
  const inNamespace = ['proxmoxvms', 'proxmoxvmcommands', 'proxmoxvmsnapshots', 'proxmoxvmbackups', 'proxmoxvmconsoles']
  if (inNamespace.some((plural) => at.pathname === `${api}/${plural}`))
    return `${api}/namespaces/${namespace}/${at.pathname.slice(api.length + 1)}${at.search}`
  if (at.pathname === `${api}/proxmoxclusters` && hasMoreClusters) at.searchParams.set('labelSelector', `${worldLabel}=${cluster}`)
  else if (at.pathname === `${api}/proxmoxclusters`) at.searchParams.set('fieldSelector', `metadata.name=${cluster}`)
  if ([`${api}/ippools`, `${api}/dnszones`, `${api}/vmpackages`].includes(at.pathname))
    at.searchParams.set('labelSelector', `${worldLabel}=${cluster}`)
  // Every pool of a world is a scope of its own.
  if (at.pathname === `${api}/pooladdresses`) {
    const asked = at.searchParams.get('fieldSelector')
    at.searchParams.set('fieldSelector', [...(asked ? [asked] : []), `spec.scope=${cluster}`].join(','))
  }
  return at.pathname + at.search
}

const counted: ReadonlySet<string> = new Set([
  'proxmoxvms',
  'proxmoxvms/status',
  'pooladdresses',
  'secrets',
  'proxmoxvmsnapshots',
  'proxmoxvmsnapshots/status',
  'proxmoxvmbackups',
  'proxmoxvmbackups/status',
  'proxmoxvmconsoles/status',
])

/** Undefined for reads, and for what has no bearing on a VM: events, leases, status of pools and clusters. */
function writeOf(method: string, url: string): Write | undefined {
  if (method === 'GET') return undefined
  const parts = new URL(url, 'http://gate').pathname.split('/').filter(Boolean)
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3)
  const [plural, name, sub] = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest
  const resource = sub ? `${plural}/${sub}` : (plural ?? '')
  return counted.has(resource) ? { to: 'kube', what: `${method} ${resource}`, ...(name && { name }) } : undefined
}
