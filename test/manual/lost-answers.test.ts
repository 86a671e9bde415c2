/** A power command whose answer was lost, and of which PVE lists no task. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, press } from './buttons.ts'

describe('a power command whose request did not arrive', () => {
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

  const sent = (vm: ProxmoxVM, what: string) =>
    world.requests().filter((line) => line === `POST /nodes/${vm.status?.node}/qemu/${vm.status?.vmid}/status/${what}`).length

  async function lost(name: string, command: CommandName): Promise<{ vm: ProxmoxVM; pressed: string; route: string }> {
    const vm = await world.born(name)
    const route = command.toLowerCase()
    world.simulator.requests.reset()
    world.simulator.faults.add(
      [{ route: `POST /nodes/{node}/qemu/{vmid}/status/${route}`, match: { vmid: vm.status?.vmid }, drop: 'before' }],
      [],
    )
    const pressed = await press(world, name, command)
    await until('it was sent', () => sent(vm, route) === 1)
    // Nobody looks at the guest just now: its power would be read before what comes next, and the time after it.
    await until('its answer is missed', async () => (await commandNamed(world, pressed))?.status?.message?.includes('was lost'))
    return { vm, pressed, route }
  }

  const outcome = async (pressed: string) => {
    const { status } = await finished(world, pressed)
    return `${status?.phase}: ${status?.message}`
  }

  it('is sent again after a minute, and not while PVE may still begin it', async () => {
    const { vm, pressed, route } = await lost('again', 'Reset')
    world.skip(40_000)
    world.simulator.requests.reset()
    const looks = () => world.requests().filter((line) => line === `GET /nodes/${vm.status?.node}/tasks`).length
    await until('it is looked for', () => looks() > 0)
    // Two requests a look: the first one is over when the second has begun.
    world.skip(4_000)
    await until('it is looked for again', () => looks() > 2)
    expect(sent(vm, route)).toBe(0)

    world.skip(20_000)
    expect(await outcome(pressed)).toBe('Succeeded: PVE reset the guest.')
    expect(sent(vm, route)).toBe(1)
  })

  it('is not taken for what an admin asks for at the same time', async () => {
    const { vm, pressed, route } = await lost('beside', 'Reset')
    await world.inPve('POST', `${world.pathOf(vm)}/status/${route}`)
    world.skip(65_000)

    expect(await outcome(pressed)).toBe('Succeeded: PVE reset the guest.')
    const byToken = world.simulator.requests
      .report()
      .log.filter(({ path, token }) => path.endsWith(`/${route}`) && token === 'root@pam!sim')
    expect(byToken).toHaveLength(2)
  })

  it.each(['Reboot', 'Reset'] as const)('and is a %s is not sent to a guest that was started since', async (command) => {
    const { vm, pressed, route } = await lost(`started-${command.toLowerCase()}`, command)
    world.skip(10_000)
    await admin.stop(vm)
    await admin.start(vm)
    world.skip(65_000)

    expect(await outcome(pressed)).toBe("Succeeded: The guest was started after this command. PVE's answer was lost.")
    expect(sent(vm, route)).toBe(1)
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('since the operator was killed is sent by the next one, which does not take a start of moments before for it', async () => {
    const vm = await world.born('twice-on')
    expect(await outcome(await press(world, 'twice-on', 'Stop'))).toContain('Succeeded')
    await world.untilReady('twice-on')
    const { tasks, clock } = world.simulator.world
    const [born] = tasks.onNode(vm.status?.node ?? '').filter(({ type, id }) => type === 'qmstart' && id === `${vm.status?.vmid}`)
    // However long this machine has taken since.
    born!.starttime = clock.seconds()
    const dead = world.operator!.wire.dieAt(({ what }) => what.endsWith('/status/start'), 'before')
    const pressed = await press(world, 'twice-on', 'Start')
    await dead
    await world.killOperator()
    await world.startOperator()
    await admin.soon('it ends', async () => (await commandNamed(world, pressed))?.status?.finishedAt)

    expect(await outcome(pressed)).toBe('Succeeded: PVE started the VM.')
    expect(admin.isRunning(vm)).toBe(true)
  })

  it.each(['Stop', 'Shutdown'] as const)('and is a %s has succeeded once the guest is off', async (command) => {
    const { vm, pressed, route } = await lost(`off-${command.toLowerCase()}`, command)
    admin.powerOff(vm)
    world.skip(65_000)

    expect(await outcome(pressed)).toBe("Succeeded: The VM is off. PVE's answer was lost.")
    expect(sent(vm, route)).toBe(1)
  })
})
