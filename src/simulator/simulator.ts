import type { AddressInfo } from 'node:net'
import { handleAdmin } from './admin/admin.ts'
import { Faults } from './admin/faults.ts'
import { RequestLog } from './admin/requests.ts'
import { Pipeline } from './http/pipeline.ts'
import { Router } from './http/router.ts'
import { createListener } from './http/server.ts'
import { openWorld } from './open-world.ts'
import { defaultSpec } from './presets/default.ts'
import { recordedSpec } from './presets/recorded.ts'
import { applyScenario } from './presets/scenario.ts'
import { allRoutes } from './all-routes.ts'
import { makeAuthority, makeNodeCertificate } from './tls/certificate.ts'
import type { WorldSpec } from './world/spec.ts'
import type { World } from './world/world.ts'

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: the kernel chooses. */
  port?: number
  /** Default true: HTTPS with a certificate of its own CA. */
  tls?: boolean
  preset?: 'default' | 'recorded'
  /** Content of a scenario file, laid over the preset. */
  scenario?: unknown
  /** Divides every simulated duration. Default 1. */
  speed?: number
  /** How long a refused login is held back; default as the preset says (3 s in PVE). */
  authDelayMs?: number
}

export interface Simulator {
  /** `https://127.0.0.1:PORT`, without /api2/json. */
  readonly url: string
  /** PEM of the cluster's CA; undefined without TLS. */
  readonly ca: string | undefined
  /** SHA-256 fingerprint of the served certificate. */
  readonly fingerprint: string | undefined
  /** The present state; another object after a reset. */
  readonly world: World
  readonly faults: Faults
  readonly requests: RequestLog
  reset(): void
  stop(): Promise<void>
}

/** Starts a simulated cluster and listens. Throws with a readable text when the scenario is wrong or the port is taken. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const spec = specOf(options)
  const authority = options.tls === false ? undefined : makeAuthority()
  const certificates = new Map(authority ? spec.nodes.map((n) => [n.name, makeNodeCertificate(authority, n.name, [n.ip])] as const) : [])
  const make = () => {
    const world = openWorld(structuredClone(spec), options.speed ?? 1)
    for (const [name, certificate] of certificates) {
      const node = world.nodes.get(name)
      if (node) node.fingerprint = certificate.fingerprint
    }
    return world
  }
  let world = make()
  const faults = new Faults(() => world)
  const requests = new RequestLog()
  const sim = {
    get world() {
      return world
    },
    faults,
    requests,
    url: '',
    routes: allRoutes,
    reset() {
      world.stop()
      world = make()
      faults.reset()
      requests.reset()
    },
  }
  const pipeline = new Pipeline(new Router(allRoutes), () => sim)
  const served = certificates.get(world.firstNode.name)
  const server = createListener({ tls: served, pipeline, sim: () => sim, admin: (request) => handleAdmin(request, sim) })
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  sim.url = `${served ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const stop = async () => {
    world.stop()
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  const simulator: Simulator = Object.assign(Object.create(sim) as typeof sim, {
    ca: authority?.certificate,
    fingerprint: served?.fingerprint,
    stop,
  })
  return simulator
}

function specOf(options: SimulatorOptions): WorldSpec {
  const base = options.preset === 'recorded' ? recordedSpec() : defaultSpec()
  const spec = options.scenario === undefined ? base : applyScenario(base, options.scenario)
  return options.authDelayMs === undefined ? spec : { ...spec, authDelayMs: options.authDelayMs }
}
