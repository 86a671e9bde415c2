import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sourcesOf } from '../../src/metrics-sources.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start({ speed: 20 })
})
afterAll(() => world.stop())

/** `pve_operator_vms_unchecked`. */
const unchecked = (): number | undefined =>
  sourcesOf(world.operator!.operator, world.clock)
    .clusters?.()
    .find(({ cluster }) => cluster === world.cluster)?.unchecked

describe('after a restart', () => {
  it('a VM counts as unchecked until a pass has compared it with a listing of PVE, however many passes there were before', async () => {
    await world.born('one')
    await world.born('two')
    await until('both are compared', () => unchecked() === 0)
    await world.stopOperator()
    world.simulator.faults.add([{ id: 'silent', route: 'GET /cluster/resources', times: 'always', status: 500, reason: 'got timeout' }], [])

    const { operator } = await world.startOperator()
    await until(
      'a pass over each has ended',
      () => operator.queue.workers > 0 && operator.queue.depth === 0 && operator.queue.running === 0,
    )
    await until('the cluster is looked after', () => unchecked() !== undefined)
    expect(unchecked()).toBe(2)

    world.simulator.faults.remove('silent')
    world.skip(10_000)
    await until('both are compared', () => unchecked() === 0)
  })
})
