import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { finished, outcomeOf, press } from './buttons.ts'

describe('a power command ends as the guest is', () => {
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

  it('so a Reboot has succeeded when the guest runs again', async () => {
    const vm = await world.born('rebooted')
    const before = admin.guest(vm).process
    expect(await outcomeOf(world, 'rebooted', 'Reboot')).toBe('Succeeded: PVE rebooted the guest.')

    expect(admin.isRunning(vm)).toBe(true)
    expect(admin.guest(vm).process).not.toBe(before)
  })

  it('so a Reboot fails with the words of the start that followed', async () => {
    const vm = await world.born('down')
    const route = 'POST /nodes/{node}/qemu/{vmid}/status/reboot'
    world.simulator.faults.add(
      [{ id: 'no-start', route, secondTask: { exitstatus: 'start failed: QEMU exited with code 1', before: true } }],
      [],
    )
    const outcome = await outcomeOf(world, 'down', 'Reboot')

    expect(outcome).toBe(
      'Failed: The guest shut down for the reboot, and PVE failed to start it again: start failed: QEMU exited with code 1',
    )
    expect(admin.isRunning(vm)).toBe(false)
  })

  it('so a lock that PVE itself holds after a stop fails nothing', async () => {
    const vm = await world.born('cleaned-up')
    const exitstatus = `can't lock file '/var/lock/qemu-server/lock-${vm.status?.vmid}.conf' - got timeout`
    const route = 'POST /nodes/{node}/qemu/{vmid}/status/stop'
    world.simulator.faults.add([{ id: 'cleanup', route, times: 2, task: { exitstatus, before: true } }], [])

    expect(await outcomeOf(world, 'cleaned-up', 'Stop')).toBe('Succeeded: PVE cut the power.')
    expect(admin.isRunning(vm)).toBe(false)
  })

  it('nor a move, which takes the same lock', async () => {
    const vm = await world.born('moved', { template: { name: 'ubuntu-24.04' } })
    const node = vm.status?.node === 'pve1' ? 'pve2' : 'pve1'
    const exitstatus = `can't lock file '/var/lock/qemu-server/lock-${vm.status?.vmid}.conf' - got timeout`
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/migrate', times: 2, task: { exitstatus, before: true } }], [])
    expect(await outcomeOf(world, 'moved', 'Migrate', { node })).toBe(`Succeeded: The VM is on ${node}.`)
  })

  it('and one that is held for longer fails the command with its words', async () => {
    const vm = await world.born('held')
    const exitstatus = `can't lock file '/var/lock/qemu-server/lock-${vm.status?.vmid}.conf' - got timeout`
    const route = 'POST /nodes/{node}/qemu/{vmid}/status/stop'
    world.simulator.faults.add([{ id: 'held', route, times: 'always', task: { exitstatus, before: true } }], [])
    const stop = await press(world, 'held', 'Stop')
    const skipping = setInterval(() => world.skip(5_000), 500)
    const ended = await finished(world, stop).finally(() => clearInterval(skipping))
    world.simulator.faults.remove('held')

    expect(`${ended.status?.phase}: ${ended.status?.message}`).toBe(`Failed: ${exitstatus}`)
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('and one that PVE refuses at once is tried again after growing pauses', async () => {
    const vm = await world.born('hasty')
    const reason = `can't lock file '/var/lock/qemu-server/lock-${vm.status?.vmid}.conf' - got timeout`
    const route = 'POST /nodes/{node}/qemu/{vmid}/status/stop'
    world.simulator.faults.add(
      [{ id: 'hasty', route, match: { vmid: vm.status?.vmid }, times: 'always', status: 500, reason } as never],
      [],
    )
    const stop = await press(world, 'hasty', 'Stop')
    // Not while a pass is under way: what a slow machine takes for it would count among the pauses.
    const isAtWork = () => world.operator?.operator.queue.isRunning(`${world.namespace}/hasty`)
    const skipping = setInterval(() => isAtWork() || world.skip(500), 200)
    const ended = await finished(world, stop).finally(() => clearInterval(skipping))
    const tries = world.simulator.faults.list().find(({ id }) => id === 'hasty')?.hits
    world.simulator.faults.remove('hasty')

    expect(`${ended.status?.phase}: ${ended.status?.message}`).toBe(`Failed: ${reason}`)
    // After 1, 2, 4, then 8 s, for 40 s.
    expect(tries).toBeLessThanOrEqual(9)
    expect(tries).toBeGreaterThanOrEqual(4)
    expect(admin.isRunning(vm)).toBe(true)
  })
})
