/** `pve-operator console`: the broker of consoles as a process of its own. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Broker } from './console/broker/broker.ts'
import { trustedProxies } from './console/broker/client-address.ts'
import { listen, type Listener } from './console/broker/listener.ts'
import { readPage } from './console/broker/page-files.ts'
import type { PageFiles } from './console/broker/answers.ts'
import { loadKubeServer } from './kube/config.ts'
import { systemClock } from './ops/clock.ts'
import { ConsoleMetrics } from './ops/console-metrics.ts'
import { eventLoopCheck, metricsPage, probePages, serveOps, type OpsServer } from './ops/health.ts'
import { createLog, type LogLevel } from './ops/log.ts'

export interface ConsoleRunOptions {
  readonly kubeconfig?: string
  readonly listen: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly trustedProxies?: string
  readonly maxSessions: number
  readonly metricsAddr?: string
  readonly healthAddr?: string
  readonly logLevel: LogLevel
  readonly version: string
  readonly signal: AbortSignal
}

/** Beside the bundled program; a checkout has none and makes it, with esbuild, which the image does not carry. */
const shippedPage = join(import.meta.dirname, 'console-page')
const maker = './release/console-page.ts'

async function pageFiles(): Promise<PageFiles> {
  if (existsSync(join(shippedPage, 'page.js'))) return readPage(shippedPage)
  const { makeConsolePage } = (await import(maker)) as { makeConsolePage: () => Promise<string> }
  return readPage(await makeConsolePage())
}

/** Serves until the signal aborts. */
export async function consoleCommand(o: ConsoleRunOptions): Promise<void> {
  if ((o.tlsCert === undefined) !== (o.tlsKey === undefined)) throw new Error('write --tls-cert and --tls-key together, or neither')
  const log = createLog({ level: o.logLevel })
  const metrics = new ConsoleMetrics({ version: o.version })
  const proxies = trustedProxies((o.trustedProxies ?? '').split(',').filter(Boolean))
  const server = await loadKubeServer({ kubeconfig: o.kubeconfig })
  const page = await pageFiles()
  const broker = new Broker({ server, clock: systemClock, log, metrics, proxies, mostSessions: o.maxSessions })
  const loop = eventLoopCheck()
  const probes = probePages({
    live: { eventLoop: loop.check },
    ready: { caches: () => (broker.isSynced ? undefined : 'the first lists from the API server are not complete') },
  })
  const opened: (OpsServer | Listener)[] = []
  try {
    if (o.metricsAddr) opened.push(await serveOps(o.metricsAddr, metricsPage(metrics)))
    if (o.healthAddr) opened.push(await serveOps(o.healthAddr, probes))
    const tls = o.tlsCert !== undefined && o.tlsKey !== undefined ? { certFile: o.tlsCert, keyFile: o.tlsKey } : undefined
    const onProblem = (message: string, err: unknown): void => log.warn({ part: 'listener', err }, message)
    const listener = await listen({ address: o.listen, ...(tls && { tls }), page, broker, clock: systemClock, onProblem })
    opened.push(listener)
    log.info({ part: 'listener', url: listener.url }, 'consoles are served')
    await broker.run(o.signal)
  } finally {
    loop.stop()
    await Promise.all(opened.map((each) => each.close()))
  }
}
