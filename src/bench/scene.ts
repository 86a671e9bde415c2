import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeObject } from '../api/meta.ts'
import { proxmoxClusters, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { Store } from '../kube/store.ts'
import { Reflector } from '../kube/watch.ts'
import { systemClock } from '../ops/clock.ts'
import type { OperatorProcess, LocalStack } from '../local-stack/local-stack.ts'
import { apiServerWrites, type Counts, grown, loadOf, type Load, SimulatorLog } from './counts.ts'

/** A local stack whose operator that measures what happens between two moments. */
export class Scene {
  readonly stack: LocalStack
  readonly requests: SimulatorLog
  readonly #store = new Store<ProxmoxVM>()
  readonly #watching = new AbortController()

  constructor(stack: LocalStack) {
    this.stack = stack
    this.requests = new SimulatorLog(stack.simulator.url)
    const reflector = new Reflector({ client: stack.client, resource: proxmoxVMs, store: this.#store, clock: systemClock })
    reflector.run(this.#watching.signal).catch(() => undefined)
  }

  end(): void {
    this.#watching.abort()
  }

  async clusterIsReady(name: string): Promise<void> {
    await until(`ProxmoxCluster ${name} is not Ready`, 60, async () => {
      const conditions = (await this.stack.client.get(proxmoxClusters, { name }))?.status?.conditions ?? []
      return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
    })
  }

  readyVMs(): number {
    return this.#store.list().filter((vm) => (vm.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')).length
  }

  /** Resolves when so many are Ready, within 20 ms of the news. */
  async areReady(count: number, patienceSeconds: number): Promise<void> {
    let seen = 0
    await until(`only some VMs of ${count} are Ready`, patienceSeconds, () => {
      seen = this.readyVMs()
      return Promise.resolve(seen >= count)
    }).catch((fault: unknown) => {
      throw new Error(`${String(fault instanceof Error ? fault.message : fault)} (${seen})`)
    })
  }

  /** Creates them, 16 at a time: what a client does that means "at once". */
  async createAll(objects: readonly KubeObject[]): Promise<void> {
    const left = [...objects]
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        const resource = await this.stack.manifests.resourceOf(next)
        await this.stack.client.create(resource, next)
      }
    }
    await Promise.all(Array.from({ length: 16 }, worker))
  }

  /** Deletes it, and resolves when the object is gone. */
  async terminate({ metadata: { namespace = '', name } }: KubeObject): Promise<void> {
    await this.stack.client.delete(proxmoxVMs, { namespace, name })
    await until(
      `ProxmoxVM ${name} is not gone`,
      60,
      async () => (await this.stack.client.get(proxmoxVMs, { namespace, name })) === undefined,
    )
  }

  /** What the work costs; `ours` are the writes of this program, which are taken off. */
  async measure(operator: OperatorProcess, work: () => Promise<unknown>, o: { ours: Counts; settleSeconds: number }): Promise<Cost> {
    await this.requests.clear()
    const before = { writes: await apiServerWrites(this.stack.client), load: loadOf(operator.pid) }
    const startedMs = performance.now()
    await work()
    const seconds = (performance.now() - startedMs) / 1_000
    const requests = await this.requests.byRoute()
    await writeFile(join(this.stack.dir, 'requests.txt'), await this.requests.timeline())
    // The last events and pool figures follow within a second or two.
    await systemClock.sleep(o.settleSeconds * 1_000)
    const writes = grown(o.ours, grown(before.writes, await apiServerWrites(this.stack.client)))
    const load = loadOf(operator.pid)
    return { seconds, requests, writes, load: { ...load, cpuSeconds: load.cpuSeconds - before.load.cpuSeconds } }
  }
}

/** Beside it, `requests.txt` in the stage's folder has the requests to PVE one by one. */
export interface Cost {
  seconds: number
  /** Of Proxmox VE, up to the moment the work was done. */
  requests: Counts
  /** Of the API server, settling included. */
  writes: Counts
  load: Load
}

async function until(otherwise: string, patienceSeconds: number, look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.now() + patienceSeconds * 1_000
  while (!(await look())) {
    if (systemClock.now() > deadlineMs) throw new Error(`${otherwise} after ${patienceSeconds} s`)
    await systemClock.sleep(20)
  }
}
