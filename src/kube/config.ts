import { access, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { parse } from 'yaml'

/** Where the API server is and how to be somebody there. */
export interface KubeServer {
  /** `https://host:port`, possibly with a path prefix. */
  url: string
  /** PEM. Absent: the system's roots. */
  ca?: string
  /** Client certificate and key, PEM. */
  cert?: string
  key?: string
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
/** Bound ServiceAccount tokens change every hour and the old one lives on for minutes; client-go reads the file every minute, too. */
const authorizationLifeMs = 60_000

/**
 * Reads a kubeconfig (`kubeconfig` may be a list, as $KUBECONFIG may), else the pod's ServiceAccount, else ~/.kube/config.
 * `context` instead of the current one is of a kubeconfig.
 * client-node parses it and does exec plugins and token files; it costs 0.8 s to load, so it is loaded here and nowhere else,
 * and its own transport (one TLS connection per request) is never used.
 */
export async function loadKubeServer(o: { kubeconfig?: string | undefined; context?: string | undefined } = {}): Promise<KubeServer> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  const files = o.kubeconfig?.split(delimiter).filter(Boolean) ?? []
  if (files.length === 0 && o.context === undefined && (await isThere(podTokenFile))) {
    config.loadFromCluster()
    return describe(config, [])
  }
  if (files.length === 0) files.push(join(homedir(), '.kube/config'))
  loadFiles(config, files, () => new KubeConfig())
  if (o.context !== undefined) {
    if (!config.getContextObject(o.context)) throw new Error(`the kubeconfig has no context "${o.context}"`)
    config.setCurrentContext(o.context)
  }
  return describe(config, await impersonatedGroups(config.getCurrentUser()?.name, files))
}

/** client-node reads `as` and drops `as-groups`. */
async function impersonatedGroups(user: string | undefined, files: readonly string[]): Promise<string[]> {
  for (const file of files) {
    const content = parse(await readFile(file, 'utf8')) as { users?: { name: string; user?: { 'as-groups'?: string[] } }[] } | null
    const found = content?.users?.find((entry) => entry.name === user)?.user
    if (found) return found['as-groups'] ?? []
  }
  return []
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

async function describe(config: KubeConfig, groups: readonly string[]): Promise<KubeServer> {
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error('the kubeconfig has no current context with a cluster')
  const user = config.getCurrentUser()
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace
  const login = await credentials(config)
  return {
    url: cluster.server,
    authorization: cachedAuthorization(config),
    ...(login.ca && { ca: String(login.ca) }),
    ...(login.cert && { cert: String(login.cert) }),
    ...(login.key && { key: String(login.key) }),
    ...(cluster.skipTLSVerify && { skipTlsVerify: true }),
    ...(cluster.tlsServerName && { serverName: cluster.tlsServerName }),
    ...(user?.impersonateUser && { impersonate: { user: user.impersonateUser, groups } }),
    ...(namespace && { namespace }),
  }
}

type Login = Parameters<KubeConfig['applyToHTTPSOptions']>[0]

async function credentials(config: KubeConfig): Promise<Login> {
  const login: Login = {}
  await config.applyToHTTPSOptions(login)
  return login
}

function cachedAuthorization(config: KubeConfig): NonNullable<KubeServer['authorization']> {
  let cached: { value: string | undefined; readAtMs: number } | undefined
  return async ({ fresh }) => {
    const nowMs = performance.now()
    if (!fresh && cached && nowMs - cached.readAtMs < authorizationLifeMs) return cached.value
    const login = await credentials(config)
    const header = new Headers(login.headers as Record<string, string>).get('authorization') ?? undefined
    const basic = login.auth ? `Basic ${Buffer.from(login.auth).toString('base64')}` : undefined
    cached = { value: header ?? basic, readAtMs: nowMs }
    return cached.value
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
