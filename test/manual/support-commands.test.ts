/** The commands Reset and Migrate. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { commandNamed, outcomeOf, press, turnOff } from './buttons.ts'
import { Admin } from './admin.ts'

describe('a command of support', () => {
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

  const tasksOf = (vmid: number | undefined, type: string) =>
    [...world.simulator.world.nodes.keys()].flatMap((node) =>
      world.simulator.world.tasks.onNode(node).filter((task) => task.type === type && task.id === `${vmid}`),
    )

  it('Reset resets a guest that runs, and refuses one that is off', async () => {
    const vm = await world.born('reset')
    expect(await outcomeOf(world, 'reset', 'Reset')).toBe('Succeeded: PVE reset the guest.')
    expect(tasksOf(vm.status?.vmid, 'qmreset')).toHaveLength(1)
    await turnOff(world, admin, 'reset')
    expect(await outcomeOf(world, 'reset', 'Reset')).toBe('Failed: The VM does not run.')
  })

  it.each(['before', 'after'] as const)('Reset is done once when its answer is lost %s the effect', async (drop) => {
    const vm = await world.born(`reset-${drop}`)
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/status/reset', match: { vmid: vm.status?.vmid }, drop }], [])
    const name = await press(world, `reset-${drop}`, 'Reset')
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.message).toBe('PVE reset the guest.')
    expect(tasksOf(vm.status?.vmid, 'qmreset')).toHaveLength(1)
  })

  it('Migrate moves a VM that runs, and one that is off', async () => {
    const vm = await world.born('mover', { template: { name: 'ubuntu-24.04' } })
    const away = ['pve1', 'pve2', 'pve3'].filter((node) => node !== vm.status?.node)
    expect(await outcomeOf(world, 'mover', 'Migrate', { node: away[0] })).toBe(`Succeeded: The VM is on ${away[0]}.`)
    expect(world.guestOf(vm)).toMatchObject({ node: away[0], isRunning: true })
    await until('the status follows', async () => (await world.vm('mover'))?.status?.node === away[0])
    await turnOff(world, admin, 'mover')
    expect(await outcomeOf(world, 'mover', 'Migrate', { node: away[1] })).toBe(`Succeeded: The VM is on ${away[1]}.`)
    expect(world.guestOf(vm).node).toBe(away[1])
    expect(await outcomeOf(world, 'mover', 'Migrate', { node: away[1] })).toBe(`Failed: The VM is already on ${away[1]}.`)
    expect(await outcomeOf(world, 'mover', 'Migrate', { node: 'pve9' })).toBe('Failed: PVE has no node "pve9"; there are pve1, pve2, pve3.')
  })

  it('Migrate copies disks of one node only when it is told to, and names them else', async () => {
    const vm = await world.born('local')
    const target = vm.status?.node === 'pve1' ? 'pve2' : 'pve1'
    const refused = await outcomeOf(world, 'local', 'Migrate', { node: target })
    expect(refused).toMatch(
      new RegExp(
        `^Failed: local-lvm:vm-${vm.status?.vmid}-disk-\\d.* on storages that only ${vm.status?.node} has: write withLocalDisks: true`,
      ),
    )
    expect(tasksOf(vm.status?.vmid, 'qmigrate')).toHaveLength(0)
    expect(await outcomeOf(world, 'local', 'Migrate', { node: target, withLocalDisks: true })).toBe(`Succeeded: The VM is on ${target}.`)
    await world.untilReady('local')
  })

  it.each(['before', 'after'] as const)('Migrate is done once when its answer is lost %s the effect', async (drop) => {
    const vm = await world.born(`move-${drop}`, { template: { name: 'ubuntu-24.04' } })
    const target = vm.status?.node === 'pve1' ? 'pve2' : 'pve1'
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/migrate', match: { vmid: vm.status?.vmid }, drop }], [])
    const name = await press(world, `move-${drop}`, 'Migrate', { node: target })
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.message).toBe(`The VM is on ${target}.`)
    expect(tasksOf(vm.status?.vmid, 'qmigrate')).toHaveLength(1)
  })

  it('Migrate goes on after the operator was killed while the VM moved', async () => {
    const vm = await world.born('killed', { template: { name: 'ubuntu-24.04' } })
    const target = vm.status?.node === 'pve1' ? 'pve2' : 'pve1'
    const death = world.operator!.wire.dieAt(({ what }) => what.endsWith('/migrate'), 'after')
    const name = await press(world, 'killed', 'Migrate', { node: target })
    await death
    await world.killOperator()
    await world.startOperator()
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.message).toBe(`The VM is on ${target}.`)
    expect(tasksOf(vm.status?.vmid, 'qmigrate')).toHaveLength(1)
  })
})
