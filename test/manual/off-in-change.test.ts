// A change of package starts the VM that the operator has switched off for it, and leaves off what somebody else has switched off meanwhile.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

const live = { cpu: { limit: '1' } }
const cold = { memory: { size: '2Gi' } }
const config = 'POST /nodes/{node}/qemu/{vmid}/config'
const configOfOff = 'PUT /nodes/{node}/qemu/{vmid}/config'
const shutdown = 'POST /nodes/{node}/qemu/{vmid}/status/shutdown'

describe('a change of package', () => {
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

  const away = { times: 'always', status: 595, reason: 'No route to host' } as const
  const hold = (...routes: string[]) =>
    world.simulator.faults.add(
      routes.map((route) => ({ id: route, route, ...away })),
      [],
    )
  const begin = async (name: string, patch: object) => {
    await world.edit(name, { spec: { package: patch } })
    await until('the change is under way', async () => (await world.vm(name))?.status?.change)
  }
  const shutdowns = (vm: ProxmoxVM) =>
    world.simulator.requests
      .report()
      .log.filter(({ path }) => path.endsWith(`/${vm.status?.vmid}/status/shutdown`))
      .map(({ status }) => status)
  const isShutdown =
    (vm: ProxmoxVM) =>
    ({ type, id }: { type: string; id: string }) =>
      type === 'qmshutdown' && id === `${vm.status?.vmid}`
  const end = async (name: string): Promise<ProxmoxVM> => {
    world.simulator.faults.remove()
    await admin.soon('the change is over', async () => (await world.vm(name))?.status?.change === undefined)
    return await world.untilReady(name)
  }

  it.each([
    ['live', live, { cpulimit: '1' }],
    ['cold', cold, { memory: '2048' }],
  ])('that PVE takes %s leaves off a VM that an admin has stopped before the operator asked for that', async (name, patch, values) => {
    const vm = await world.born(name)
    hold(config, configOfOff)
    await begin(name, patch)
    await admin.stop(vm)
    await end(name)

    expect(admin.config(vm)).toMatchObject(values)
    expect(admin.isRunning(vm)).toBe(false)
    expect(world.condition(await world.vm(name), 'Ready')?.reason).toBe('Stopped')
  })

  it('whose shutdown PVE refuses leaves off a VM that an admin has stopped then', async () => {
    const vm = await world.born('refused')
    hold(shutdown)
    await begin('refused', cold)
    await until('the shutdown is refused', () => shutdowns(vm).includes(595))
    await admin.stop(vm)
    await end('refused')

    expect(admin.config(vm).memory).toBe('2048')
    expect(admin.isRunning(vm)).toBe(false)
  })

  it('starts a VM again that was off when it began, was started meanwhile and is shut down for it', async () => {
    const vm = await world.born('woken')
    expect(await outcomeOf(world, 'woken', 'Stop')).toContain('Succeeded')
    await world.untilReady('woken')
    hold(config, configOfOff)
    await begin('woken', cold)
    await admin.start(vm)
    await end('woken')

    expect(admin.config(vm).memory).toBe('2048')
    expect(admin.guest(vm).pending.size).toBe(0)
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('starts a VM again when PVE carries its lost shutdown out after the end of the change', async () => {
    const vm = await world.born('late')
    world.simulator.faults.add([{ id: 'late', route: shutdown, drop: 'before' }], [])
    await begin('late', cold)
    await until('the shutdown is sent', () => shutdowns(vm).length > 0)
    await end('late')
    expect(admin.isRunning(vm)).toBe(true)
    // Only now does PVE begin the first request, which came with the token of the operator.
    await admin.call('POST', vm, '/status/shutdown')
    const stops = () => world.simulator.world.tasks.onNode(admin.guest(vm).node).filter(isShutdown(vm))
    await until('PVE has carried out both', () => stops().length === 2 && stops().every(({ endtime }) => endtime !== undefined))
    await admin.soon('the VM runs again', async () => {
      const { status } = (await world.vm('late'))!
      return admin.isRunning(vm) && status?.openStop === undefined && status?.change === undefined
    })

    // That was it: who switches the VM off now is not the operator.
    admin.powerOff(vm)
    await admin.soon('it is seen off', async () => (await world.vm('late'))?.status?.remoteStatus === 'stopped')
    await world.untilCondition('late', 'Ready', 'True', 'Stopped')
    expect(admin.isRunning(vm)).toBe(false)
  })

  it('starts a VM again whose shutdown got no answer', async () => {
    const vm = await world.born('unanswered')
    world.simulator.faults.add([{ id: 'lost', route: shutdown, drop: 'after' }], [])
    await begin('unanswered', cold)
    await until('the shutdown is sent', () => shutdowns(vm).length > 0)
    await end('unanswered')

    expect(admin.config(vm).memory).toBe('2048')
    expect(admin.isRunning(vm)).toBe(true)
  })
})
