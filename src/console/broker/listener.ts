/** The listener of the broker: HTTPS or HTTP, the page, and the WebSocket of its session. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Clock } from '../../ops/clock.ts'
import { parseListenAddress } from '../../ops/health.ts'
import { answerPage, type PageFiles } from './answers.ts'
import type { Broker } from './broker.ts'

export interface ListenerOptions {
  /** `host:port`. */
  readonly address: string
  /** PEM files, read again when they change. Absent: plain HTTP, for behind a proxy that does TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  readonly page: PageFiles
  readonly broker: Pick<Broker, 'mayKnock' | 'welcome'>
  readonly clock: Clock
  readonly onProblem: (message: string, fault: unknown) => void
}

export interface Listener {
  /** http(s)://host:port, the real port when 0 was asked for. */
  readonly url: string
  close(): Promise<void>
}

/** What pages send is small: keys, and text that somebody pastes. */
const largestMessage = 512 * 1024
const pingMs = 20_000
/** cert-manager writes a new certificate weeks before the old one ends. */
const certificateMs = 60_000

const sessionPath = '/session'

/** Throws a sentence when the address or the certificate cannot be used. */
export async function listen(o: ListenerOptions): Promise<Listener> {
  const handle = answerPage(o.page, { isTls: o.tls !== undefined, nonce: () => randomBytes(16).toString('base64url') })
  const server = o.tls ? createSecureServer(certificate(o.tls), handle) : createServer(handle)
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  server.maxHeadersCount = 64
  const sockets = new WebSocketServer({ noServer: true, maxPayload: largestMessage, perMessageDeflate: false })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const path = (request.url ?? '').replace(/\?.*$/, '')
    const refusal = path === sessionPath ? o.broker.mayKnock(request) : { status: 404, text: 'there is nothing here' }
    if (refusal) return refuse(socket, refusal)
    sockets.handleUpgrade(request, socket, head, (page) => o.broker.welcome(page, request))
  })
  const stops = [keepAlive(sockets, o.clock), ...(o.tls && server instanceof SecureServer ? [watchCertificate(server, o.tls, o)] : [])]
  await begin(server, o.address)
  const bound = server.address() as AddressInfo
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    url: `${o.tls ? 'https' : 'http'}://${host}:${bound.port}`,
    close: async () => {
      for (const stop of stops) stop()
      for (const page of sockets.clients) page.terminate()
      await new Promise<void>((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      })
    },
  }
}

function refuse(socket: Duplex, { status, text }: { status: number; text: string }): void {
  const retry = status === 429 ? 'Retry-After: 10\r\n' : ''
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n${retry}\r\n`)
}

function begin(server: Server, address: string): Promise<void> {
  const { host, port } = parseListenAddress(address)
  return new Promise((listening, fail) => {
    server.once('error', (fault: NodeJS.ErrnoException) => {
      fail(
        new Error(
          fault.code === 'EADDRINUSE' ? `${address} is in use by another program` : `cannot listen on ${address}: ${fault.message}`,
        ),
      )
    })
    server.listen({ port, ...(host && { host }) }, listening)
  })
}

/** A page that answered no ping between two rounds is gone: a laptop that was closed says no goodbye. */
function keepAlive(sockets: WebSocketServer, clock: Clock): () => void {
  const answered = new WeakSet<object>()
  let cancel = (): void => undefined
  const asked = new WeakSet<object>()
  const round = (): void => {
    for (const page of sockets.clients) {
      if (asked.has(page) && !answered.has(page)) {
        page.terminate()
        continue
      }
      if (!asked.has(page)) page.on('pong', () => answered.add(page))
      asked.add(page)
      answered.delete(page)
      page.ping()
    }
    cancel = clock.after(pingMs, round)
  }
  cancel = clock.after(pingMs, round)
  return () => cancel()
}

interface Files {
  readonly certFile: string
  readonly keyFile: string
}

const certificate = ({ certFile, keyFile }: Files) => ({ cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') })

function watchCertificate(
  server: SecureServer,
  files: Files,
  { clock, onProblem }: Pick<ListenerOptions, 'clock' | 'onProblem'>,
): () => void {
  let cancel = (): void => undefined
  let known = certificate(files).cert
  const look = (): void => {
    try {
      const now = certificate(files)
      if (now.cert !== known) server.setSecureContext(now)
      known = now.cert
    } catch (fault) {
      onProblem('the certificate cannot be read; the last good one stays', fault)
    }
    cancel = clock.after(certificateMs, look)
  }
  cancel = clock.after(certificateMs, look)
  return () => cancel()
}
