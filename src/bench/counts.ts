import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import type { KubeClient } from '../kube/client.ts'

/** Amounts by name, largest first when printed. */
export type Counts = Readonly<Record<string, number>>

export const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Names whose amount did not change are left out. */
export function grown(before: Counts, after: Counts): Counts {
  const entries = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
  return Object.fromEntries(entries.filter(([, count]) => count !== 0).toSorted(([a, x], [b, y]) => y - x || a.localeCompare(b, 'en')))
}

/** The simulator's certificate is its own; loopback only. */
export const simulatorTrust = new Agent({ connect: { rejectUnauthorized: false } })

/** The requests the simulator has answered, by method and route, as it counts them under /sim/requests. */
export class SimulatorLog {
  readonly #url: string

  constructor(simulatorUrl: string) {
    this.#url = `${simulatorUrl}/sim/requests`
  }

  async clear(): Promise<void> {
    const answer = await request(this.#url, { dispatcher: simulatorTrust, method: 'DELETE' })
    await answer.body.dump()
  }

  async byRoute(): Promise<Counts> {
    const answer = await request(`${this.#url}?limit=0`, { dispatcher: simulatorTrust })
    const { byRoute } = (await answer.body.json()) as { byRoute: Record<string, number> }
    return grown({}, byRoute)
  }

  /** VMIDs that were asked about one by one, of the newest 100,000 requests. */
  async guests(): Promise<Set<number>> {
    const answer = await request(this.#url, { dispatcher: simulatorTrust })
    const { log } = (await answer.body.json()) as { log: { path: string }[] }
    return new Set(log.flatMap(({ path }) => Number(/^\/nodes\/[^/]+\/qemu\/(\d+)/.exec(path)?.[1]) || []))
  }

  /** When each of the newest 100,000 requests came that were no reads, in ms since the epoch. */
  async writesMs(): Promise<number[]> {
    const answer = await request(this.#url, { dispatcher: simulatorTrust })
    const { log } = (await answer.body.json()) as { log: { at: string | number; method: string }[] }
    return log.filter(({ method }) => method !== 'GET').map(({ at }) => new Date(at).getTime())
  }

  /** One line a request, in milliseconds since the first: what to read when a figure is larger than it should be. */
  async timeline(): Promise<string> {
    const answer = await request(this.#url, { dispatcher: simulatorTrust })
    const { log } = (await answer.body.json()) as {
      log: { at: string | number; method: string; path: string; status: number; ms: number }[]
    }
    const firstMs = new Date(log[0]?.at ?? 0).getTime()
    const lines = log.map(
      (x) => `${String(new Date(x.at).getTime() - firstMs).padStart(6)} ms  ${x.method.padEnd(6)} ${x.status} ${x.path} (${x.ms} ms)`,
    )
    return `${lines.join('\n')}\n`
  }
}

/** VMs in the simulated PVE that are no templates, whoever made them. */
export async function guestsInPve(simulatorUrl: string): Promise<number> {
  const answer = await request(`${simulatorUrl}/sim/vms`, { dispatcher: simulatorTrust })
  const { vms } = (await answer.body.json()) as { vms: { template: boolean }[] }
  return vms.filter(({ template }) => !template).length
}

export const writesOf = (byRoute: Counts): Counts =>
  Object.fromEntries(Object.entries(byRoute).filter(([route]) => !route.startsWith('GET ')))

const sample = /^apiserver_request_total\{([^}]*)\} ([\d.e+]+)$/gm
const writeVerbs = new Set(['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'])

/** Writes the API server has answered since its start, as `PUT proxmoxvms/status`, from its own metrics: nobody can forget to count. */
export async function apiServerWrites(client: KubeClient): Promise<Counts> {
  const text = String(await client.request('GET', '/metrics', undefined, { resource: 'metrics' }))
  const counts: Record<string, number> = {}
  for (const [, labels = '', value] of text.matchAll(sample)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
    if (!writeVerbs.has(label('verb')) || label('dry_run') !== '') continue
    const name = `${label('verb')} ${[label('resource'), label('subresource')].filter(Boolean).join('/')}`
    counts[name] = (counts[name] ?? 0) + Number(value)
  }
  return counts
}

/** `PUT proxmoxvms/status` → `proxmoxvms`. */
export const resourceOf = (write: string): string => write.replace(/^\S+ /, '').replace(/\/.*$/, '')

/** What a birth writes; Events, pools and the Lease are counted apart. */
export const ourKinds: readonly string[] = ['proxmoxvms', 'pooladdresses', 'secrets']

export function ofResources(writes: Counts, resources: readonly string[]): Counts {
  return Object.fromEntries(Object.entries(writes).filter(([write]) => resources.includes(resourceOf(write))))
}

export interface Load {
  cpuSeconds: number
  rssMB: number
  peakRssMB: number
}

/** Of a process of this machine, from Linux's /proc: CPU since its start, memory now and at its highest. */
export function loadOf(pid: number): Load {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  // utime and stime, in clock ticks of 10 ms on every Linux there is today
  const ticks = Number(fields[11]) + Number(fields[12])
  return { cpuSeconds: ticks / 100, rssMB: (kilobytes('VmRSS') * 1024) / 1e6, peakRssMB: (kilobytes('VmHWM') * 1024) / 1e6 }
}
