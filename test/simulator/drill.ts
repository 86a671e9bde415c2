import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'

export interface ApiAnswer {
  /** 0: the connection ended without an answer. */
  status: number
  reason: string
  data: unknown
  errors?: Record<string, string>
}

export interface SimAnswer {
  status: number
  body: Record<string, unknown>
}

/** A simulator in this process, spoken to over its own wire. */
export class Drill {
  readonly simulator: Simulator
  readonly #token: string

  constructor(simulator: Simulator, token: string) {
    this.simulator = simulator
    this.#token = token
  }

  async api(method: string, path: string, params: Record<string, string | number> = {}): Promise<ApiAnswer> {
    const query = new URLSearchParams(Object.entries(params).map(([key, value]): [string, string] => [key, String(value)]))
    const inUrl = method === 'GET' || method === 'DELETE'
    const url = `${this.simulator.url}/api2/json${path}${inUrl && query.size > 0 ? `?${query.toString()}` : ''}`
    try {
      const response = await fetch(url, {
        method,
        headers: { Authorization: `PVEAPIToken=${this.#token}`, Connection: 'close' },
        ...(inUrl ? {} : { body: query }),
      })
      const text = await response.text()
      const json = (text === '' ? {} : JSON.parse(text)) as { data?: unknown; errors?: Record<string, string> }
      return { status: response.status, reason: response.statusText, data: json.data, ...(json.errors ? { errors: json.errors } : {}) }
    } catch (fault) {
      return { status: 0, reason: (fault as Error).message, data: undefined }
    }
  }

  /** The admin side. */
  async sim(method: string, path: string, body?: unknown): Promise<SimAnswer> {
    const response = await fetch(`${this.simulator.url}/sim${path}`, {
      method,
      // One that is kept would lead nowhere once another PVE has come.
      headers: { Connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  /** Waits for the end of a task and returns its exit status. */
  async exitOf(upid: unknown, deadlineMs = 60_000): Promise<string> {
    const end = performance.now() + deadlineMs
    const node = String(upid).split(':')[1]
    for (;;) {
      const { data } = await this.api('GET', `/nodes/${node}/tasks/${encodeURIComponent(String(upid))}/status`)
      const state = (data ?? {}) as { status?: string; exitstatus?: string }
      if (state.status === 'stopped') return state.exitstatus ?? ''
      if (performance.now() > end) throw new Error(`the task ${String(upid)} did not end`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Asks until the answer fits. */
  async until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean, deadlineMs = 60_000): Promise<T> {
    const end = performance.now() + deadlineMs
    for (;;) {
      const answer = await ask()
      if (fits(answer)) return answer
      if (performance.now() > end) throw new Error(`still ${JSON.stringify(answer)} after ${deadlineMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** The same simulator seen with another token. */
  as(token: string): Drill {
    return new Drill(this.simulator, token)
  }

  async vmids(): Promise<number[]> {
    const { body } = await this.sim('GET', '/vms')
    return (body['vms'] as { vmid: number }[]).map(({ vmid }) => vmid)
  }

  stop(): Promise<void> {
    return this.simulator.stop()
  }
}

/** Without TLS, twenty times as fast. */
export async function startDrill(options: SimulatorOptions = {}, token = 'root@pam!sim=sim'): Promise<Drill> {
  return new Drill(await startSimulator({ tls: false, speed: 20, ...options }), token)
}
