import { Agent, request } from 'undici'
import { systemClock } from '../../src/ops/clock.ts'
import { type Observation, PveClient, type PveClientOptions } from '../../src/proxmox/client.ts'
import { Pve } from '../../src/proxmox/endpoints.ts'
import { type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts'

/** A simulated PVE, without TLS unless asked for, and our client on it; `speed` 20 unless a test says otherwise. */
export async function simulated(o: SimulatorOptions & { client?: Partial<PveClientOptions> } = {}) {
  const { client: clientOptions, ...options } = o
  const simulator = await startSimulator({ speed: 20, authDelayMs: 0, tls: false, ...options })
  const dispatcher = new Agent(simulator.ca === undefined ? {} : { connect: { ca: simulator.ca } })
  const seen: Observation[] = []
  const client = new PveClient(
    {
      endpoints: [simulator.url],
      tokenID: 'root@pam!sim',
      tokenSecret: 'sim',
      tls: simulator.ca === undefined ? {} : { caBundle: simulator.ca },
      requestsInFlight: 8,
      ...clientOptions,
    },
    { clock: systemClock, observe: (observation) => seen.push(observation) },
  )
  const admin = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> => {
    const answer = await request(`${simulator.url}/sim/${path}`, { method, dispatcher, ...(body && { body: JSON.stringify(body) }) })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`/sim/${path}: ${text}`)
    return JSON.parse(text)
  }
  return {
    simulator,
    client,
    pve: new Pve(client),
    seen,
    fault: (fault: object) => admin('POST', 'faults', fault),
    clearFaults: () => admin('DELETE', 'faults'),
    hook: (op: string, ...args: unknown[]) => admin('POST', 'hook', { op, args }),
    forgetRequests: () => admin('DELETE', 'requests'),
    /** Requests so far: `GET /cluster/resources` → how many. */
    requests: async () => ((await admin('GET', 'requests')) as { byRoute: Record<string, number> }).byRoute,
    stop: async () => {
      await client.close()
      await dispatcher.close()
      await simulator.stop()
    },
  }
}
export type Simulated = Awaited<ReturnType<typeof simulated>>
