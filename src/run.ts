import { loadKubeServer } from './kube/config.ts'
import type { ElectionTimes } from './kube/election-times.ts'
import { systemClock } from './ops/clock.ts'
import { registerCapacity } from './ops/capacity-gauges.ts'
import { registerSellable } from './ops/sellable-gauges.ts'
import { registerTraffic } from './ops/traffic-gauges.ts'
import { registerGauges } from './ops/gauges.ts'
import { eventLoopCheck, metricsPage, probePages, serveOps, type OpsServer } from './ops/health.ts'
import { createLog, type LogLevel } from './ops/log.ts'
import { Metrics } from './ops/metrics.ts'
import { Operator } from './operator.ts'
import { capacitiesOf } from './capacity-source.ts'
import { sellableFigures } from './sale-wiring.ts'
import { sourcesOf } from './metrics-sources.ts'

export interface RunOptions {
  readonly kubeconfig?: string
  readonly metricsAddr?: string
  readonly healthAddr?: string
  readonly leaderElect?: boolean
  /** Absent: the defaults. */
  readonly electionTimes?: ElectionTimes
  readonly logLevel: LogLevel
  readonly version: string
  /** Ends the operator: what is under way in PVE goes on and is found again. */
  readonly signal: AbortSignal
}

/** A watch that is silent for so long is not coming back by itself: its watchdog has cut it several times by then. */
const longestSilenceSeconds = 600

function silence(operator: Operator): string | undefined {
  const silent = operator.caches.states().find(({ silentSeconds }) => (silentSeconds ?? 0) > longestSilenceSeconds)
  return silent && `the watch of ${silent.resource} has been silent for ${Math.round(silent.silentSeconds ?? 0)} s`
}

/** `pve-operator run`: serves probes and metrics, watches, and acts while it leads. */
export async function runCommand(o: RunOptions): Promise<void> {
  const log = createLog({ level: o.logLevel })
  const metrics = new Metrics({ version: o.version })
  const server = await loadKubeServer({ kubeconfig: o.kubeconfig })
  const operator = new Operator({
    server,
    clock: systemClock,
    log,
    metrics,
    random: Math.random,
    leaderElect: o.leaderElect ?? false,
    ...(o.electionTimes && { electionTimes: o.electionTimes }),
    leaseNamespace: server.namespace ?? 'pve-system',
  })
  registerGauges(metrics.registry, sourcesOf(operator, systemClock))
  registerCapacity(metrics.registry, () => capacitiesOf(operator))
  registerSellable(metrics.registry, () => sellableFigures(operator))
  registerTraffic(metrics.registry, () => operator.usage.meters.sums())
  const loop = eventLoopCheck()
  const probes = probePages({
    live: { eventLoop: loop.check, watches: () => silence(operator) },
    ready: { caches: () => (operator.caches.isSynced ? undefined : 'the first lists from the API server are not complete') },
  })
  const servers: OpsServer[] = []
  try {
    if (o.metricsAddr) servers.push(await serveOps(o.metricsAddr, metricsPage(metrics)))
    if (o.healthAddr) servers.push(await serveOps(o.healthAddr, probes))
    await operator.run(o.signal)
  } finally {
    loop.stop()
    await Promise.all(servers.map((each) => each.close()))
  }
}
