import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { clonesOf } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const stopRoute = 'POST /nodes/{node}/qemu/{vmid}/status/stop'

describe('a VM that high availability looks after', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const managed = async (name: string): Promise<ProxmoxVM> => {
    const vm = await world.born(name)
    await world.inPve('POST', '/cluster/ha/resources', { sid: `vm:${vm.status?.vmid}`, state: 'started' })
    return vm
  }

  it('is not reinstalled, since its resource could not be put back: it runs on, and the command for an admin is named', async () => {
    const vm = await managed('kept')
    const { vmid = 0 } = vm.status ?? {}
    await world.edit('kept', { spec: { reinstall: { requestID: 'r1' } } })
    const stalled = await world.untilCondition('kept', 'Stalled', 'True', 'WouldBeLost')
    expect(world.condition(stalled, 'Stalled')?.message).toContain(`ha-manager remove vm:${vmid}`)
    expect(world.guestOf(vm).isRunning).toBe(true)
    expect(clonesOf(world, vmid)).toBe(1)
    await world.edit('kept', { spec: { reinstall: null } })
    await world.untilReady('kept')
  })

  it('is terminated by a stop that is waited for by its effect, and its resource goes with it', async () => {
    const vm = await managed('ends')
    world.simulator.requests.reset()
    await world.delete('ends')
    let last: ProxmoxVM | undefined
    await until(
      'it is gone',
      async () => {
        world.clock.skip(1_000)
        last = await world.vm('ends')
        return last === undefined
      },
      { describe: () => last?.status },
    )
    expect(world.simulator.requests.report().byRoute[stopRoute]).toBeLessThanOrEqual(4)
    expect(world.simulator.world.ha.isManaged(vm.status?.vmid ?? 0)).toBe(false)
  })
})
