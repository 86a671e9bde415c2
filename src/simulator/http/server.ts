import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectConsole } from '../console/connect.ts'
import { acceptWebSocket } from '../console/websocket.ts'
import { checkTransport, decodePath, parameters, readBody, TransportRefusal } from './body.ts'
import type { Answer, Pipeline, Trace } from './pipeline.ts'
import { readUpload, uploadPath } from './upload.ts'
import type { Sim } from '../running.ts'

/** Headers together, as pve-http-server limits them; a longer one is cut off without an answer. */
const maxHeaderBytes = 16 * 1024
const idleMs = 5000
/** Bodies up to this size are read to their end before they are refused. */
const drainedBytes = 64 * 1024 ** 2
const requestsPerConnection = 100

export interface AdminRequest {
  method: string
  path: string
  query: URLSearchParams
  body: Buffer
}

export interface ServerOptions {
  tls: { key: string; cert: string } | undefined
  pipeline: Pipeline
  sim: () => Sim
  admin: (request: AdminRequest) => Promise<{ status: number; body: unknown }>
  /** The connection was made to another PVE than the one that answers now. */
  isStale: (socket: Socket) => boolean
}

/** The listener of one node's pveproxy, with the simulator's own side under /sim/. */
export function createListener(options: ServerOptions): Server {
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    serve(options, request, response).catch((fault: unknown) => {
      if (response.headersSent) response.destroy()
      else sendText(response, 500, fault instanceof Error ? fault.message : String(fault))
    })
  }
  const settings = { maxHeaderSize: maxHeaderBytes, keepAliveTimeout: idleMs, keepAliveTimeoutBuffer: 0 }
  const server = options.tls ? createHttps({ ...settings, ...options.tls }, handle) : createHttp(settings, handle)
  server.on('clientError', (_fault, socket) => socket.destroy())
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(options, request, socket, head).catch(() => socket.destroy())
  })
  return server
}

/** vncwebsocket: the call is judged like any other; when it is allowed the connection becomes the console's. */
async function upgrade(options: ServerOptions, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const [rawPath = '/', search = ''] = (request.url ?? '/').split('?', 2)
  const path = tidy(decodePath(rawPath).replace(/^\/api2\/json/, ''))
  const params = parameters(new URLSearchParams(search), '', undefined)
  const { world } = options.sim()
  const answer = await options.pipeline.answer({ method: request.method ?? '', path, params, headers: request.headers }, {})
  const session = path.endsWith('/vncwebsocket') ? world.consoles.get(Number(params['port'])) : undefined
  if (answer.is === 'dropped' || answer.status !== 200 || !session) {
    const { status, reason } = answer.is === 'dropped' ? { status: 500, reason: '' } : answer
    socket.end(`HTTP/1.1 ${status === 200 ? 501 : status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    return
  }
  const connection = acceptWebSocket(request, socket, head)
  if (connection) connectConsole(world, session, connection)
  else socket.destroy()
}

async function serve(options: ServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [rawPath = '/', search = ''] = (request.url ?? '/').split('?', 2)
  const path = decodePath(rawPath)
  if (path.startsWith('/sim/')) {
    await serveAdmin(options, request, response, path, search)
    return
  }
  if (options.isStale(request.socket)) {
    request.socket.destroy()
    return
  }
  const at = Date.now()
  response.setHeader('Date', new Date(options.sim().world.clock.now()).toUTCString())
  const trace: Trace = {}
  const status = await serveApi(options, request, response, { path, search, trace })
  const entry = { at, method: request.method ?? '', path: path.replace(/^\/api2\/json/, ''), template: trace.template, status }
  options.sim().requests.record({ ...entry, ms: Date.now() - at, token: trace.token ?? '' })
}

async function serveApi(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  about: { path: string; search: string; trace: Trace },
): Promise<number> {
  try {
    if (headerBytes(request) > 8 * 1024) {
      request.socket.destroy()
      return 0
    }
    const isUpload = request.method === 'POST' && uploadPath.test(about.path) && Number(request.headers['content-length'] ?? 0) > 0
    checkTransport(request, isUpload)
    if (!about.path.startsWith('/api2/json')) throw new TransportRefusal(404, `no such file '${about.path}'`)
    if (isUpload) return await serveUpload(options, request, response, about)
    const body = await readBody(request)
    const type = request.headers['content-type']
    const isJson = body !== '' || /^application\/json/i.test(type ?? '')
    const params = parameters(
      new URLSearchParams(about.search),
      body,
      isJson && request.method !== 'GET' && request.method !== 'DELETE' ? type : undefined,
    )
    const path = about.path.slice('/api2/json'.length) || '/'
    const answer = await options.pipeline.answer(
      { method: request.method ?? '', path: tidy(path), params, headers: request.headers },
      about.trace,
    )
    return send(request, response, answer)
  } catch (fault) {
    if (!(fault instanceof TransportRefusal)) throw fault
    await drain(request)
    return sendText(response, fault.status, fault.message, fault.isEmpty)
  }
}

/** A file upload: its fields become parameters, the file waits under the name PVE would have given it in /var/tmp. */
async function serveUpload(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  about: { path: string; search: string; trace: Trace },
): Promise<number> {
  const { params, upload } = await readUpload(request)
  const query = parameters(new URLSearchParams(about.search), '', undefined)
  if (query['tmpfilename'] !== undefined) throw new TransportRefusal(500, "'tmpfilename' query parameter is not allowed for file uploads")
  const { world } = options.sim()
  const tmpfilename = `/var/tmp/pveupload-${world.random.hex(32)}`
  world.uploads.set(tmpfilename, upload)
  const ask = { method: 'POST', path: tidy(about.path.slice('/api2/json'.length)), headers: request.headers }
  try {
    const answer = await options.pipeline.answer({ ...ask, params: { ...query, ...params, tmpfilename } }, about.trace)
    return send(request, response, answer)
  } finally {
    world.uploads.delete(tmpfilename)
  }
}

/** Reads what the client is still sending, so that it gets to see the answer instead of a reset. */
async function drain(request: IncomingMessage): Promise<void> {
  if (Number(request.headers['content-length'] ?? 0) > drainedBytes) return
  for await (const _ of request) continue
}

function tidy(path: string): string {
  const clean = path.replaceAll(/\/+/g, '/')
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean
}

function headerBytes(request: IncomingMessage): number {
  let bytes = 0
  for (const part of request.rawHeaders) bytes += part.length + 2
  return bytes
}

const served = new WeakMap<Socket, number>()

/** pve-http-server announces the end of a connection with its hundredth answer; it refuses nothing for it. */
function isLastOn(socket: Socket): boolean {
  const count = (served.get(socket) ?? 0) + 1
  served.set(socket, count)
  return count >= requestsPerConnection
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): number {
  if (answer.is === 'dropped') {
    request.socket.destroy()
    return 0
  }
  response.statusMessage = answer.reason
  const headers: Record<string, string | number> = { 'Cache-Control': 'max-age=0', Server: 'pve-api-daemon/3.0' }
  headers['Connection'] = answer.status >= 400 || isLastOn(request.socket) ? 'close' : 'Keep-Alive'
  const body = answer.body ?? ''
  if (answer.body !== undefined) headers['Content-Type'] = answer.contentType ?? 'application/json;charset=UTF-8'
  headers['Content-Length'] = Buffer.byteLength(body)
  response.writeHead(answer.status, answer.reason, headers)
  response.end(body)
  return answer.status
}

function sendText(response: ServerResponse, status: number, text: string, isEmpty = false): number {
  const body = isEmpty ? '' : text
  response.writeHead(status, text.split('\n')[0] ?? '', {
    Connection: 'close',
    'Content-Length': Buffer.byteLength(body),
    Server: 'pve-api-daemon/3.0',
  })
  response.end(body)
  return status
}

async function serveAdmin(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  search: string,
): Promise<void> {
  const from = request.socket.remoteAddress ?? ''
  const isLocal = from === '127.0.0.1' || from === '::1' || from === '::ffff:127.0.0.1'
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const query = new URLSearchParams(search)
  const answer = isLocal
    ? await options.admin({ method: request.method ?? '', path, query, body: Buffer.concat(chunks) })
    : { status: 403, body: { error: 'only from this machine' } }
  const text = `${JSON.stringify(answer.body)}\n`
  response.writeHead(answer.status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  response.end(text)
}
