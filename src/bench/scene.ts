/** A local stack whose operator is measured between two moments. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeObject } from '../api/meta.ts'
import { proxmoxClusters, proxmoxVMs } from '../api/meta.ts'
import { systemClock } from '../ops/clock.ts'
import type { OperatorProcess, LocalStack } from '../local-stack/local-stack.ts'
import { apiServerWrites, type Counts, grown, loadOf, type Load, SimulatorLog } from './counts.ts'
import { cpuBetween, cpuOf, type CpuSeconds } from './processes.ts'
import { WatchedVMs } from './watched-vms.ts'

/** Nothing is given up while something still happens: a machine may be slow. */
const standstillSeconds = 240

export class Scene {
  readonly stack: LocalStack
  readonly requests: SimulatorLog
  readonly vms: WatchedVMs

  constructor(stack: LocalStack) {
    this.stack = stack
    this.requests = new SimulatorLog(stack.simulator.url)
    this.vms = new WatchedVMs(stack.client)
  }

  end(): void {
    this.vms.end()
  }

  async clusterIsReady(name: string): Promise<void> {
    const deadlineMs = systemClock.now() + 120_000
    for (;;) {
      const conditions = (await this.stack.client.get(proxmoxClusters, { name }))?.status?.conditions ?? []
      if (conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')) return
      if (systemClock.now() > deadlineMs) throw new Error(`ProxmoxCluster ${name} is not Ready after 120 s`)
      await systemClock.sleep(20)
    }
  }

  /** Resolves when so many are Ready; throws when none has become so for four minutes. */
  async areReady(count: number): Promise<void> {
    while (this.vms.ready < count) {
      const before = this.vms.ready
      const isOn = await this.vms.when(() => this.vms.ready >= count || this.vms.ready > before, standstillSeconds)
      if (isOn === undefined && this.vms.ready <= before)
        throw new Error(`${this.vms.ready} of ${count} VMs are Ready, and for ${standstillSeconds} s no other has become so`)
    }
  }

  /** Creates them, 16 at a time: what a client does that means "at once". */
  async createAll(objects: readonly KubeObject[]): Promise<void> {
    const left = objects.values()
    const worker = async (): Promise<void> => {
      for (const next of left) {
        const resource = await this.stack.manifests.resourceOf(next)
        await this.stack.client.create(resource, next)
      }
    }
    await Promise.all(Array.from({ length: 16 }, worker))
  }

  /** Deletes it, and resolves when the object is gone. */
  async terminate({ metadata: { namespace = '', name } }: KubeObject): Promise<void> {
    await this.stack.client.delete(proxmoxVMs, { namespace, name })
    const deadlineMs = systemClock.now() + standstillSeconds * 1_000
    while ((await this.stack.client.get(proxmoxVMs, { namespace, name })) !== undefined) {
      if (systemClock.now() > deadlineMs) throw new Error(`ProxmoxVM ${name} is not gone after ${standstillSeconds} s`)
      await systemClock.sleep(20)
    }
  }

  /** What the work costs; `ours` are the writes of this program, which are taken off. */
  async measure(
    operator: OperatorProcess,
    work: () => Promise<unknown>,
    o: { ours: Counts; settle: () => Promise<unknown> },
  ): Promise<Cost> {
    await this.requests.clear()
    const pid = operator.pid
    const before = { writes: await apiServerWrites(this.stack.client), load: loadOf(pid), cpu: cpuOf(this.stack, pid) }
    const startedMs = performance.now()
    await work()
    const seconds = (performance.now() - startedMs) / 1_000
    const cpu = cpuBetween(before.cpu, cpuOf(this.stack, pid))
    const requests = await this.requests.byRoute()
    // The last events and pool figures follow.
    await o.settle()
    const writes = grown(o.ours, grown(before.writes, await apiServerWrites(this.stack.client)))
    const load = loadOf(pid)
    return { seconds, requests, writes, cpu, load: { ...load, cpuSeconds: load.cpuSeconds - before.load.cpuSeconds } }
  }

  /** Writes `requests.txt` in the stage's folder: the requests to PVE one by one. */
  async keepTimeline(): Promise<void> {
    await writeFile(join(this.stack.dir, 'requests.txt'), await this.requests.timeline())
  }
}

export interface Cost {
  seconds: number
  /** Of Proxmox VE, up to the moment the work was done. */
  requests: Counts
  /** Of the API server, settling included. */
  writes: Counts
  /** Of all processes, up to the moment the work was done. */
  cpu: CpuSeconds
  /** Of the operator, settling included. */
  load: Load
}
