/** Connections to the API server, straight or through the proxy that a kubeconfig's `proxy-url` names. */
import { SocksClient, type SocksClientOptions } from 'socks'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'

export interface ConnectionOptions {
  /** At most so many at a time; null = as many as there are requests. */
  readonly connections: number | null
  readonly connectMs: number
  readonly tls: { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized: boolean }
  readonly proxy?: string
}

const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 }
/** HTTP/1.1 on purpose: over HTTP/2 all requests would share one TCP connection and with it one stall. */
const common = { allowH2: false, keepAliveTimeout: 30_000 }

/** What `proxy-url` may be; throws a sentence otherwise. `of` names the cluster in the kubeconfig. */
export function checkedProxy(of: string, url: string): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined
  if (protocol !== undefined && ['http:', 'https:', 'socks5:', 'socks5h:'].includes(protocol)) return url
  throw new Error(
    `cluster "${of}" of the kubeconfig has proxy-url "${url}", which is not supported: write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT`,
  )
}

/** A pool of connections of its own. */
export function connectionsTo({ connections, connectMs, tls, proxy }: ConnectionOptions): Dispatcher {
  const connect = { ...keepAlive, ...tls, timeout: connectMs, allowH2: false }
  if (proxy === undefined) return new Agent({ ...common, connections, connect })
  if (proxy.startsWith('socks5')) return new Agent({ ...common, connections, connect: throughSocks(proxy, connect) })
  // the proxy's own certificate is judged by the same authorities, as client-go does
  const proxyTls = { ...keepAlive, timeout: connectMs, ...(tls.ca && { ca: tls.ca }) }
  return new ProxyAgent({ ...common, connections, uri: proxy, requestTls: connect, proxyTls, proxyTunnel: true })
}

function throughSocks(proxy: string, o: buildConnector.BuildOptions & { timeout: number }): buildConnector.connector {
  const { hostname, port, username, password } = new URL(proxy)
  const own = buildConnector(o)
  return (to, callback) => {
    const secure = to.protocol === 'https:'
    const tunnel: SocksClientOptions = {
      proxy: {
        host: hostname,
        port: Number(port || 1080),
        type: 5,
        ...(username && { userId: decodeURIComponent(username), password: decodeURIComponent(password) }),
      },
      command: 'connect',
      destination: { host: to.hostname, port: Number(to.port || (secure ? 443 : 80)) },
      timeout: o.timeout,
    }
    // with a callback its promise never rejects
    void SocksClient.createConnection(tunnel, (fault, opened) => {
      if (fault || !opened) callback(fault ?? new Error('the SOCKS proxy opened no connection'), null)
      else if (secure) own({ ...to, httpSocket: opened.socket }, callback)
      else callback(null, opened.socket)
    })
  }
}
