/** What a VM waits for comes while the pass is under way that finds it missing. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a VM that is about to say that it waits', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  it('for a storage goes on at once where that has come back meanwhile', async () => {
    const { operator, wire } = world.operator!
    const { inventory } = await until('the cluster is there', () => operator.clusters.directory.get(world.cluster))
    const isCephThere = () => inventory.current()?.storages.some(({ storage, available }) => storage === 'ceph' && available)
    world.simulator.faults.add([{ id: 'off', storage: { name: 'ceph', state: 'off' } }], [])
    await until('the listing shows that the storage is off', () => world.clock.skip(1_000) ?? isCephThere() === false)
    let held = 0
    wire.beforeKube = async (method, path) => {
      if (method !== 'PUT' || !path.endsWith('/proxmoxvms/about-to-wait/status') || held++ > 0) return
      world.simulator.faults.remove('off')
      await until('the listing shows that the storage is back', () => world.clock.skip(1_000) ?? isCephThere())
    }
    await world.apply('about-to-wait', { template: { name: 'ubuntu-24.04' } })
    await until('it was written that it waits', () => held > 0)

    // Else it is looked at after 5 minutes.
    const vm = await world.untilReady('about-to-wait')
    expect(world.guestOf(vm).isRunning).toBe(true)
  })
})
