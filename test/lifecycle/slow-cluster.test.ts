import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import { allRoutes } from '../../src/simulator/all-routes.ts'
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { freshName } from '../support/kube.ts'
import { worldLabel } from '../support/kube-gate.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const orders = 20
/** More than one cluster has workers. */
const stuck = 40
let world: TestWorld
let slow: Simulator
const slowCluster = freshName('slow')

beforeAll(async () => {
  world = await TestWorld.start({ speed: 50, operator: false })
  slow = await startSimulator({ speed: 50 })
  world.hasMoreClusters = true
  const first = (await world.client.get(proxmoxClusters, { name: world.cluster }))!
  await world.client.create(proxmoxClusters, {
    apiVersion: first.apiVersion,
    kind: first.kind,
    metadata: { name: slowCluster, labels: { [worldLabel]: world.cluster } },
    spec: { ...first.spec, endpoints: [slow.url], vmids: { from: 30_000, to: 39_999 } },
  })
  await world.startOperator()
})
afterAll(async () => {
  // Whoever waits for its answers is told at once that there will be none.
  await slow.stop()
  await world.stop()
})

/** Makes so many VMs in the first cluster; the writes to its PVE for each of them. */
async function order(prefix: string): Promise<number> {
  world.simulator.requests.reset()
  const names = Array.from({ length: orders }, (_, at) => `${prefix}-${at}`)
  await Promise.all(names.map((name) => world.apply(name, { template: { name: 'debian-13', clone: 'Linked' } })))
  for (const name of names) await world.untilReady(name, 120)
  return world.writes().length / orders
}

describe('a second cluster that answers everything after 30 s', () => {
  it('costs the orders of the first one nothing, however many of its own wait', async () => {
    const isReady = async (name: string) =>
      (await world.client.get(proxmoxClusters, { name }))?.status?.conditions?.some(
        ({ type, status }) => type === 'Ready' && status === 'True',
      )
    for (const name of [world.cluster, slowCluster]) await until(`${name} is Ready`, () => isReady(name))
    const before = await order('without')
    const faults = allRoutes.map(({ method, path }, at) => ({
      id: `slow-${at}`,
      route: `${method} ${path}`,
      times: 'always',
      delayMs: 30_000,
    }))
    slow.faults.add(faults, allRoutes)
    await Promise.all(Array.from({ length: stuck }, (_, at) => world.apply(`slow-${at}`, { clusterRef: { name: slowCluster } })))
    const { queue } = world.operator!.operator
    await until('the slow cluster has all of its workers at work', () => queue.running >= queue.workers)

    const during = await order('beside')

    expect(during).toBeLessThanOrEqual(before * 1.2)
    expect([...slow.world.guests.values()].filter((guest) => !guest.isTemplate && guest.isRunning)).toEqual([])
  })
})
