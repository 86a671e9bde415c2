import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

describe('a VM that high availability looks after', () => {
  let world: TestWorld
  let admin: Admin
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  const managed = async (name: string, spec: object = {}): Promise<ProxmoxVM> => {
    const vm = await world.born(name, spec)
    await world.inPve('POST', '/cluster/ha/resources', { sid: `vm:${vm.status?.vmid}`, state: 'started' })
    await until('HA has it', () => world.simulator.world.ha.services.get(`vm:${vm.status?.vmid}`)?.state === 'started')
    return vm
  }
  /** Orders of start and stop that reached PVE for this VM, and how many requests of any kind it refused with 400. */
  const orders = (vm: ProxmoxVM) => world.writes().filter((line) => line.includes(`/${vm.status?.vmid}/status/`)).length
  const refusals = () => world.simulator.requests.report().log.filter(({ status }) => status === 400)

  it('is stopped, started and shut down by its own calls, each sent once and done when the guest is so', async () => {
    const vm = await managed('pressed')
    world.simulator.requests.reset()
    expect(await outcomeOf(world, 'pressed', 'Stop')).toBe('Succeeded: PVE cut the power.')
    expect(admin.isRunning(vm)).toBe(false)
    expect(await outcomeOf(world, 'pressed', 'Start')).toBe('Succeeded: PVE started the VM.')
    expect(admin.isRunning(vm)).toBe(true)
    expect(await outcomeOf(world, 'pressed', 'Shutdown')).toBe('Succeeded: The guest shut down.')
    expect(admin.isRunning(vm)).toBe(false)
    expect([orders(vm), refusals()]).toEqual([3, []])
    expect(world.writes().filter((line) => line.includes('/cluster/ha'))).toEqual([])
  })

  it('is suspended and comes back with one order each', async () => {
    const vm = await managed('owing')
    world.simulator.requests.reset()
    await world.edit('owing', { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    await world.untilCondition('owing', 'Suspended', 'True', undefined, 60)
    expect(admin.isRunning(vm)).toBe(false)
    await world.edit('owing', { spec: { suspensions: [] } })
    await world.untilCondition('owing', 'Ready', 'True', 'Running', 60)
    expect(admin.isRunning(vm)).toBe(true)
    expect([orders(vm), refusals()]).toEqual([2, []])
  })

  it('is told as an error when high availability takes no order for it, and the command names the way out', async () => {
    const vm = await managed('broken')
    await admin.stop(vm)
    await until('HA has stopped it', () => !admin.isRunning(vm))
    // No drift of ours, which would be repaired.
    await admin.set(vm, { net1: 'virtio,bridge=vmbr9' })
    await world.inPve('PUT', `/cluster/ha/resources/vm:${vm.status?.vmid}`, { state: 'started' })
    await until('HA gives up', () => world.simulator.world.ha.services.get(`vm:${vm.status?.vmid}`)?.state === 'error')
    expect(await outcomeOf(world, 'broken', 'Start')).toMatch(/^Failed: .*high availability holds VM \d+ in state error.*--state disabled/)
  })
})
