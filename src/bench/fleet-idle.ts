/** A fleet to which nothing happens. */
import type { OperatorProcess } from '../local-stack/local-stack.ts'
import { systemClock } from '../ops/clock.ts'
import { type Counts, ofResources, total } from './counts.ts'
import type { Scene } from './scene.ts'

/** What can be sold is written within a minute of the last change. */
const restSeconds = 75
const idleSeconds = 60

export interface Idleness {
  /** Listing and task list: what serves all VMs of the cluster together. */
  readonly sharedPerSecond: number
  /** VM by VM: the background reading. */
  readonly backgroundPerSecond: number
  /** VMs looked at thoroughly in a second. */
  readonly looksPerSecond: number
  /** To the API server, the Lease left out. */
  readonly writes: number
  /** Of one core. */
  readonly busyPercent: number
  readonly rssMB: number
}

export async function rest(scene: Scene, operator: OperatorProcess): Promise<Idleness> {
  await systemClock.sleep(restSeconds * 1_000)
  const nothing = () => Promise.resolve()
  const { requests, writes, load } = await scene.measure(operator, () => systemClock.sleep(idleSeconds * 1_000), {
    ours: {},
    settle: nothing,
  })
  const background = total(ofGuests(requests))
  return {
    sharedPerSecond: (total(requests) - background) / idleSeconds,
    backgroundPerSecond: background / idleSeconds,
    looksPerSecond: (requests['GET /nodes/{node}/qemu/{vmid}/pending'] ?? 0) / idleSeconds,
    writes: total(writes) - total(ofResources(writes, ['leases'])),
    busyPercent: (load.cpuSeconds / idleSeconds) * 100,
    rssMB: load.rssMB,
  }
}

/** Requests about one VM. */
export const ofGuests = (requests: Counts): Counts =>
  Object.fromEntries(Object.entries(requests).filter(([route]) => route.includes('/qemu/{vmid}')))
