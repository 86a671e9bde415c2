/** Finds the API server: a kubeconfig, or the ServiceAccount of the pod. */
import { access, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { KubeLogin, type TlsMaterial } from './login.ts'
import { checkedProxy } from './proxy.ts'

/** Where the API server is and how to be somebody there. No `ca`: the system's roots are trusted. */
export interface KubeServer extends TlsMaterial {
  /** `https://host:port`, possibly with a path prefix. */
  url: string
  /** http, https or socks5. */
  proxy?: string
  /** The certificates as they are now; absent: they never change. `fresh` after a 401. */
  tls?: (o: { fresh: boolean }) => Promise<TlsMaterial>
  skipTlsVerify?: boolean
  /** The name the certificate must show when it is not the URL's host. */
  serverName?: string
  /** The Authorization header; `fresh` after a 401: whatever is cached was refused. */
  authorization?: (o: { fresh: boolean }) => Promise<string | undefined>
  /** Act as somebody else (kubectl's --as). */
  impersonate?: { user: string; groups: readonly string[] }
  /** The namespace of the context, or of the pod. */
  namespace?: string
}

const podTokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/**
 * Reads a kubeconfig (`kubeconfig` may be a list, as $KUBECONFIG may), else the pod's ServiceAccount, else ~/.kube/config.
 * `context` instead of the current one is of a kubeconfig. Throws a sentence for what cannot be used.
 * client-node parses it and does exec plugins; it costs 0.8 s to load, so it is loaded here and nowhere else, and its own transport
 * (one TLS connection per request) is never used. What it knows of the server stays; the files it names are read again.
 */
export async function loadKubeServer(o: { kubeconfig?: string | undefined; context?: string | undefined } = {}): Promise<KubeServer> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  const files = o.kubeconfig?.split(delimiter).filter(Boolean) ?? []
  const another = (): KubeConfig => new KubeConfig()
  if (files.length === 0 && o.context === undefined && (await isThere(podTokenFile))) {
    config.loadFromCluster()
    return describe(config, another, { tokenFile: podTokenFile })
  }
  if (files.length === 0) files.push(join(homedir(), '.kube/config'))
  loadFiles(config, files, another)
  if (o.context !== undefined) {
    if (!config.getContextObject(o.context)) throw new Error(`the kubeconfig has no context "${o.context}"`)
    config.setCurrentContext(o.context)
  }
  return describe(config, another, await leftOut(config.getCurrentUser()?.name, files))
}

/** What client-node does not read of a user. */
interface LeftOut {
  readonly groups?: readonly string[]
  readonly tokenFile?: string
}

/** client-node reads `as` and drops `as-groups`, and calls `tokenFile` by a name that no kubeconfig has. */
async function leftOut(user: string | undefined, files: readonly string[]): Promise<LeftOut> {
  type User = { token?: string; tokenFile?: string; 'as-groups'?: string[] }
  for (const file of files) {
    const content = parse(await readFile(file, 'utf8')) as { users?: { name: string; user?: User }[] } | null
    const found = content?.users?.find((entry) => entry.name === user)?.user
    if (!found) continue
    const { tokenFile } = found
    return { groups: found['as-groups'] ?? [], ...(tokenFile && { tokenFile: resolve(dirname(file), tokenFile) }) }
  }
  return {}
}

function loadFiles(config: KubeConfig, files: readonly string[], another: () => KubeConfig): void {
  for (const [index, file] of files.entries()) {
    if (index === 0) {
      config.loadFromFile(file)
      continue
    }
    const next = another()
    next.loadFromFile(file)
    config.mergeConfig(next, true)
  }
}

async function describe(config: KubeConfig, another: () => KubeConfig, { groups = [], tokenFile }: LeftOut): Promise<KubeServer> {
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error('the kubeconfig has no current context with a cluster')
  const proxy = cluster.proxyUrl && checkedProxy(cluster.name, cluster.proxyUrl)
  const user = config.getCurrentUser()
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace
  const login = new KubeLogin({ config: () => copyOf(config, another()), ...(tokenFile && { tokenFile }) })
  return {
    url: cluster.server,
    authorization: (o) => login.authorization(o),
    tls: (o) => login.tls(o),
    ...(await login.tls({ fresh: false })),
    ...(proxy && { proxy }),
    ...(cluster.skipTLSVerify && { skipTlsVerify: true }),
    ...(cluster.tlsServerName && { serverName: cluster.tlsServerName }),
    ...(user?.impersonateUser && { impersonate: { user: user.impersonateUser, groups } }),
    ...(namespace && { namespace }),
  }
}

function copyOf(config: KubeConfig, copy: KubeConfig): KubeConfig {
  const { clusters, users, contexts, currentContext } = config
  copy.loadFromOptions({ clusters, users, contexts, currentContext })
  return copy
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
