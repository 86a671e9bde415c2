/** Commands whose VM is destroyed in PVE, or loses its VMID to another guest, while they are under way. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, press } from './buttons.ts'

describe('a command whose VM is gone from PVE ends', () => {
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

  const destroyed = async (vm: ProxmoxVM) => await admin.destroy(vm)
  const replaced = async (vm: ProxmoxVM) => {
    const { node } = admin.guest(vm)
    await admin.destroy(vm)
    world.addGuest(vm.status?.vmid ?? 0, node)
  }

  /** The last request to PVE of a command is answered as `fault` says, then `befalls` happens to the VM. How the command ends. */
  async function struck(
    name: string,
    command: CommandName,
    o: {
      route: string
      fault: object
      until: (vm: ProxmoxVM, command: string) => unknown
      befalls: (vm: ProxmoxVM) => Promise<void>
      more?: object
    },
  ): Promise<string> {
    const vm = (await world.vm(name))!
    world.simulator.faults.add([{ id: name, route: o.route, match: { vmid: vm.status?.vmid }, ...o.fault } as never], [])
    const pressed = await press(world, name, command, o.more)
    await until('the command is under way', async () => await o.until(vm, pressed))
    await o.befalls(vm)
    await admin.soon('it ends', async () => (await commandNamed(world, pressed))?.status?.finishedAt, {
      seconds: 60,
      describe: async () => (await commandNamed(world, pressed))?.status,
    })
    world.simulator.faults.remove(name)
    const { phase, message } = (await commandNamed(world, pressed))?.status ?? {}
    return `${phase}: ${message}`
  }

  const isNoted = async (_: ProxmoxVM, command: string) => (await commandNamed(world, command))?.status?.intentAt
  const power = (verb: string) => `POST /nodes/{node}/qemu/{vmid}/status/${verb}`

  it.each([
    ['destroyed', destroyed, /^Failed: VM \d+ was deleted in PVE before the operator could see that Reboot was done\.$/],
    ['replaced', replaced, /^Failed: Reboot was not seen to be done: VM \d+ in PVE is not the VM of this object any more\.$/],
  ])('also a Reboot that waits for the second start of a VM that is %s', async (how, befalls, told) => {
    await world.born(`rebooted-${how}`)
    // The second start is a task of its own, which begins when the guest is down.
    const isDown = (vm: ProxmoxVM) => !admin.isRunning(vm)
    const fault = { secondTask: { exitstatus: 'start failed: QEMU exited with code 1', before: true, extraMs: 600_000 } }
    const ended = await struck(`rebooted-${how}`, 'Reboot', { route: power('reboot'), fault, until: isDown, befalls })
    expect(ended).toMatch(told)
  })

  it.each([
    ['destroyed', destroyed],
    ['replaced', replaced],
  ])('also a Reset whose answer was lost, when the VM is %s', async (how, befalls) => {
    await world.born(`reset-${how}`)
    const o = { route: power('reset'), fault: { drop: 'before' }, until: isNoted, befalls }
    expect(await struck(`reset-${how}`, 'Reset', o)).toBe('Failed: PVE has no VM of this object.')
  })

  it.each([
    ['destroyed', destroyed],
    ['replaced', replaced],
  ])(
    'also a ResetPassword that asks the guest agent again, and no other guest gets the password, when the VM is %s',
    async (how, befalls) => {
      const name = `password-${how}`
      const vm = await world.born(name, { cloudInit: { user: 'customer', generatePassword: true } })
      await admin.stop(vm)
      await admin.set(vm, { agent: '1' })
      await admin.start(vm)
      await until(
        'the agent answers',
        async () =>
          await admin.call('POST', vm, '/agent/ping').then(
            () => true,
            () => false,
          ),
      )
      const route = 'POST /nodes/{node}/qemu/{vmid}/agent/set-user-password'
      const calls = () => world.requests().filter((line) => line.endsWith(`/qemu/${vm.status?.vmid}/agent/set-user-password`)).length
      let before = 0
      const ended = await struck(name, 'ResetPassword', {
        route,
        fault: { drop: 'before', times: 'always' },
        until: () => calls() > 0,
        async befalls(at) {
          await befalls(at)
          // A pass that has seen the VM before may still ask; none that begins now.
          await until('no pass is under way', () => !world.operator?.operator.queue.isRunning(`${world.namespace}/${name}`))
          before = calls()
        },
      })
      expect(ended).toMatch(/^Failed: .*VM \d+/)
      expect(calls() - before).toBe(0)
    },
  )

  it('also a Start of a VM of high availability that never carries it out', async () => {
    const vm = await world.born('of-ha')
    await world.inPve('POST', '/cluster/ha/resources', { sid: `vm:${vm.status?.vmid}`, state: 'stopped' })
    await until('HA has stopped it', () => !admin.isRunning(vm))
    await admin.soon('it is off', async () => (await world.vm('of-ha'))?.status?.remoteStatus === 'stopped')
    const hasReceipt = async (_: ProxmoxVM, command: string) => (await commandNamed(world, command))?.status?.upid
    const ended = await struck('of-ha', 'Start', {
      route: power('start'),
      fault: { task: { noEffect: true } },
      until: hasReceipt,
      async befalls(at) {
        await world.inPve('DELETE', `/cluster/ha/resources/vm:${at.status?.vmid}`)
        await destroyed(at)
      },
    })
    expect(ended).toMatch(/^Failed: VM \d+ was deleted in PVE before the operator could see that Start was done\.$/)
  })

  it('also a Migrate, when the VM is deleted and another guest has its VMID on the target node', async () => {
    const { status } = await world.born('moved', { template: { name: 'ubuntu-24.04' } })
    const node = status?.node === 'pve1' ? 'pve2' : 'pve1'
    const ended = await struck('moved', 'Migrate', {
      route: 'POST /nodes/{node}/qemu/{vmid}/migrate',
      // Ten seconds here: time to see the receipt.
      fault: { task: { noEffect: true, extraMs: 200_000 } },
      until: async (_, command) => (await commandNamed(world, command))?.status?.upid,
      async befalls() {
        // Also under the lock of the move.
        world.simulator.world.guests.delete(status?.vmid ?? 0)
        world.addGuest(status?.vmid ?? 0, node)
      },
      more: { node },
    })
    expect(ended).toMatch(/^Failed: Migrate was not seen to be done: VM \d+ in PVE is not the VM of this object any more\.$/)
  })
})
