import { startSimulator } from '../../src/simulator/simulator.ts'
import type { Player } from './replay/play.ts'
import { Wire } from './replay/wire.ts'

/** Secret of the three tokens of preset `recorded`. */
const secret = '00000000-0000-4000-8000-000000000001'
const tokens = { root: `root@pam!op=${secret}`, oper: `oper@pve!k8s=${secret}`, limited: `limited@pve!k8s=${secret}` }

/** A server with the state of preset `recorded`, ready to be compared. */
export interface RecordedServer {
  player: Player
  /** Back to the initial state; before each recording. */
  reset(): Promise<void>
  stop(): Promise<void>
}

async function admin(url: string, path: string, body?: unknown): Promise<boolean> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  })
  await response.arrayBuffer()
  return response.ok
}

function serverAt(url: string, speed: number, stop: () => Promise<void>): RecordedServer {
  return {
    player: { wire: new Wire({ url, tokens }), hook: (op, args) => admin(url, '/sim/hook', { op, args }), speed },
    async reset() {
      if (!(await admin(url, '/sim/reset'))) throw new Error(`POST ${url}/sim/reset failed`)
    },
    stop,
  }
}

/** A simulator inside this process, on a port of its own, without TLS. `speed` divides its durations and the replay's waits. */
export async function startRecorded(speed: number): Promise<RecordedServer> {
  const simulator = await startSimulator({ tls: false, preset: 'recorded', speed })
  return serverAt(simulator.url, speed, () => simulator.stop())
}

/** One that runs already: `pve-operator simulate --no-tls --preset recorded --speed N`. */
export function runningAt(url: string, speed: number): RecordedServer {
  return serverAt(url.replace(/\/$/, ''), speed, async () => {})
}
