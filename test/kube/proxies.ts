/** Proxies that pass bytes on and count who asked for which address. */
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TlsApi } from './tls-api.ts'
import { makeNodeCertificate } from '../../src/simulator/tls/certificate.ts'

export interface Proxy {
  readonly url: string
  /** `host:port` of each tunnel, and how the client logged in. */
  readonly tunnels: { to: string; as: string | undefined }[]
  close(): Promise<void>
}

function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }
}

/** Answers CONNECT; with `tls`, over TLS with a certificate of the API's authority. */
export async function connectProxy(o: { tls?: TlsApi } = {}): Promise<Proxy> {
  const tunnels: Proxy['tunnels'] = []
  const sockets = new Set<Duplex>()
  const server: HttpServer = o.tls ? createHttpsServer(makeNodeCertificate(o.tls.authority, 'proxy', [])) : createHttpServer()
  server.on('connect', (request, client: Socket) => {
    tunnels.push({ to: request.url ?? '', as: request.headers['proxy-authorization'] })
    const [host, port] = (request.url ?? '').split(':')
    sockets.add(client)
    const target = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      join(client, target)
    })
    target.on('error', () => client.destroy())
  })
  return proxyOf(server, o.tls ? 'https' : 'http', tunnels, sockets)
}

/** SOCKS 5 without login (RFC 1928), addresses as IPv4 or names. */
export async function socksProxy(): Promise<Proxy> {
  const tunnels: Proxy['tunnels'] = []
  const sockets = new Set<Duplex>()
  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => client.destroy())
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', (asked: Buffer) => {
        const named = asked[3] === 3
        const end = named ? 5 + (asked[4] ?? 0) : 8
        const host = named ? asked.subarray(5, end).toString() : asked.subarray(4, end).join('.')
        const port = asked.readUInt16BE(end)
        tunnels.push({ to: `${host}:${port}`, as: undefined })
        const target = connect(port, host, () => {
          client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
          join(client, target)
        })
        target.on('error', () => client.destroy())
      })
    })
  })
  return proxyOf(server, 'socks5', tunnels, sockets)
}

async function proxyOf(server: Server, scheme: string, tunnels: Proxy['tunnels'], sockets: Set<Duplex>): Promise<Proxy> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
