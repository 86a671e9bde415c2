import { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { handleAdmin } from './admin/admin.ts'
import { Faults } from './admin/faults.ts'
import { RequestLog } from './admin/requests.ts'
import { Pipeline } from './http/pipeline.ts'
import { Router } from './http/router.ts'
import { createListener } from './http/server.ts'
import { defaultSpec } from './presets/default.ts'
import { strangersSpec } from './presets/fleet-of-strangers.ts'
import { recordedSpec } from './presets/recorded.ts'
import { applyScenario } from './presets/scenario.ts'
import { allRoutes } from './all-routes.ts'
import { AnsweringCluster } from './answering-cluster.ts'
import type { WorldSpec } from './world/spec.ts'
import type { World } from './world/world.ts'

/** How long connections outlive a change of who answers. */
const lingerMs = 100

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: the kernel chooses. */
  port?: number
  /** Default true: HTTPS with a certificate of its own CA. */
  tls?: boolean
  preset?: 'default' | 'recorded' | 'fleet-of-strangers'
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
  const cluster = new AnsweringCluster(specOf(options), options.speed ?? 1, options.tls !== false)
  const faults = new Faults(() => cluster.world)
  const requests = new RequestLog()
  const reset = (): void => {
    cluster.reset()
    faults.reset()
    requests.reset()
  }
  const sim = view(cluster, { faults, requests, url: '', routes: allRoutes, reset, swap: (isOther: boolean) => cluster.swap(isOther) })
  const pipeline = new Pipeline(new Router(allRoutes), () => sim)
  /** How often another PVE had come to answer when a connection was made: one that stands leads to the PVE it was made to, or nowhere. */
  const madeAfter = new WeakMap<Socket, number>()
  const sockets = new Set<Socket>()
  let swaps = 0
  const isStale = (socket: Socket): boolean => madeAfter.get(socket) !== swaps
  const server = createListener({ tls: cluster.served, pipeline, sim: () => sim, admin: (request) => handleAdmin(request, sim), isStale })
  for (const event of ['connection', 'secureConnection'])
    server.on(event, (socket: Socket) => {
      madeAfter.set(socket, swaps)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
  cluster.onSwap = (served) => {
    swaps += 1
    if (server instanceof HttpsServer && served) server.setSecureContext(served)
    // The call that asked for it still gets its answer; after that the old connections lead nowhere.
    server.closeIdleConnections()
    const endStale = () => [...sockets].filter(isStale).forEach((socket) => socket.destroy())
    setTimeout(endStale, lingerMs).unref()
  }
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `${cluster.served ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const stop = async () => {
    cluster.stop()
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return view(cluster, { ...sim, url, stop })
}

/** What changes with resets and swaps is asked of the cluster each time. */
function view<T extends object>(cluster: AnsweringCluster, rest: T): T & Pick<Simulator, 'world' | 'ca' | 'fingerprint'> {
  const live = {
    get world() {
      return cluster.world
    },
    get ca() {
      return cluster.ca
    },
    get fingerprint() {
      return cluster.served?.fingerprint
    },
  }
  return Object.defineProperties({ ...rest }, Object.getOwnPropertyDescriptors(live)) as T & Pick<Simulator, 'world' | 'ca' | 'fingerprint'>
}

/** What is there at the start. */
const presets = { default: defaultSpec, recorded: recordedSpec, 'fleet-of-strangers': strangersSpec }

function specOf(options: SimulatorOptions): WorldSpec {
  const base = presets[options.preset ?? 'default']()
  const spec = options.scenario === undefined ? base : applyScenario(base, options.scenario)
  return options.authDelayMs === undefined ? spec : { ...spec, authDelayMs: options.authDelayMs }
}
