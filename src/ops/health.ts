import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Answers `undefined` when all is well, else one sentence: what is wrong. */
export type Check = () => string | undefined

export interface Probes {
  /** A failure here means: only a restart helps. */
  live: Readonly<Record<string, Check>>
  /** A failure here means: it cannot serve yet, or not now. */
  ready: Readonly<Record<string, Check>>
}

export type ProbeAnswer = { status: number; contentType: string; body: string }
export type Page = () => ProbeAnswer | Promise<ProbeAnswer>

export interface OpsServer {
  /** http://host:port of the listener; the port is the real one when 0 was asked for. */
  readonly url: string
  close(): Promise<void>
}

/** `host:port`, `:port` (every interface) or `[v6]:port`; throws a sentence otherwise. */
export function parseListenAddress(text: string): { host?: string; port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(found?.[3])
  if (!found || port > 65535) throw new Error(`"${text}" is not an address to listen on: write 127.0.0.1:8080, :8080 or [::1]:8080`)
  const host = found[1] ?? found[2]
  return { port, ...(host && { host }) }
}

/**
 * One listener with fixed pages, for /metrics and the probes. GET and HEAD only; anything else is 404 or 405.
 * Throws a sentence when the address is taken or is not ours.
 */
export async function serveOps(address: string, pages: Readonly<Record<string, Page>>): Promise<OpsServer> {
  const server = createServer((request, response) => {
    void answer(request, pages).then((reply) => send(request, response, reply))
  })
  // Probes and scrapes are short; a peer that stalls must not hold a socket for ever.
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  const { host, port } = parseListenAddress(address)
  await new Promise<void>((listening, refuse) => {
    server.once('error', (fault: NodeJS.ErrnoException) => {
      refuse(
        new Error(
          fault.code === 'EADDRINUSE' ? `${address} is in use by another program` : `cannot listen on ${address}: ${fault.message}`,
        ),
      )
    })
    server.listen({ port, ...(host && { host }) }, listening)
  })
  const bound = server.address() as AddressInfo
  return {
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}

/** `/healthz` and `/readyz`, in the words of Kubernetes' own: one `[+]` or `[-]` line a check, with the reason. 503 while one fails. */
export function probePages(probes: Probes): Record<string, Page> {
  return { '/healthz': () => verdict('healthz', probes.live), '/readyz': () => verdict('readyz', probes.ready) }
}

/** `/metrics`. */
export function metricsPage(metrics: { expose(): Promise<{ contentType: string; text: string }> }): Record<string, Page> {
  return {
    '/metrics': async () => {
      const { contentType, text } = await metrics.expose()
      return { status: 200, contentType, body: text }
    },
  }
}

/**
 * Fails when half of the turns since the last probe were late by more than `limitMs`: the process answers, and does nothing else in time.
 * One long pause (a collection of garbage, a machine that slept) is not that.
 */
export function eventLoopCheck(limitMs = 1_000): { check: Check; stop(): void } {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  return {
    check() {
      const halfMs = delay.percentile(50) / 1e6
      delay.reset()
      return halfMs > limitMs ? `the event loop is late by ${Math.round(halfMs)} ms on every second turn` : undefined
    },
    stop: () => {
      delay.disable()
    },
  }
}

function verdict(name: string, checks: Readonly<Record<string, Check>>): ProbeAnswer {
  const lines: string[] = []
  let failed = false
  for (const [check, look] of Object.entries(checks)) {
    const trouble = look()
    failed ||= trouble !== undefined
    lines.push(trouble === undefined ? `[+]${check} ok` : `[-]${check} failed: ${trouble}`)
  }
  lines.push(`${name} check ${failed ? 'failed' : 'passed'}`)
  return { status: failed ? 503 : 200, contentType: 'text/plain; charset=utf-8', body: `${lines.join('\n')}\n` }
}

async function answer(request: IncomingMessage, pages: Readonly<Record<string, Page>>): Promise<ProbeAnswer> {
  const path = (request.url ?? '/').replace(/[?#].*$/, '').replace(/(.)\/$/, '$1')
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined
  if (!page) return plain(404, `nothing at ${path}; there is ${Object.keys(pages).join(', ')}\n`)
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'GET and HEAD only\n')
  try {
    return await page()
  } catch (fault) {
    return plain(500, `${fault instanceof Error ? fault.message : String(fault)}\n`)
  }
}

function send(request: IncomingMessage, response: ServerResponse, reply: ProbeAnswer): void {
  response.writeHead(reply.status, {
    'content-type': reply.contentType,
    'content-length': Buffer.byteLength(reply.body),
    'cache-control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : reply.body)
}

function plain(status: number, body: string): ProbeAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}
