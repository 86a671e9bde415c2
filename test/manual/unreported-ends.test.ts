/** The node of a VM does not answer for minutes while a task of the VM runs: nobody calls that a failure, and nothing is begun beside it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../../src/api/proxmoxvmcommand.ts'
import { ask, snapshotNamed } from '../snapshots/snapshots.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, press } from './buttons.ts'

const statusRoute = 'GET /nodes/{node}/tasks/{upid}/status'

describe('a task whose end PVE cannot report', () => {
  let world: TestWorld
  let admin: Admin
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
  })
  // Also after a test that failed.
  afterEach(() => world.simulator.faults.remove())
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  /** The node tells of no task any more, from now on. */
  const silence = (fault: object = { status: 595, reason: 'No route to host' }) =>
    world.simulator.faults.add([{ id: 'silent', route: statusRoute, times: 'always', ...fault } as never], [])
  const asked = () => world.simulator.requests.report().log.filter(({ path }) => /\/tasks\/[^/]+\/status$/.test(path)).length

  /** Minutes pass, a few seconds at a time, as the looks at the task do. */
  const silentUntil = async (what: string, isSo: () => Promise<unknown>) => {
    let last: unknown
    await until(
      what,
      async () => {
        world.clock.skip(5_000)
        return (last = await isSo()) === true
      },
      { seconds: 40, everyMs: 50, describe: () => last },
    )
  }
  const said = /^PVE cannot report the result of .*: node pve\d has not answered for 2 minutes: .*waits and asks PVE again every 15 s\.$/
  const status = async (pressed: string) => (await commandNamed(world, pressed))?.status
  const outcome = ({ status: of }: ProxmoxVMCommand) => `${of?.phase}: ${of?.message}`
  const saysSo = async (pressed: string) => {
    const { finishedAt, message } = (await status(pressed)) ?? {}
    if (finishedAt) throw new Error(`it ended: ${message}`)
    return said.test(message ?? '') || message
  }
  const healed = async (pressed: string) => {
    world.simulator.faults.remove('silent')
    world.clock.skip(15_500)
    return outcome(await finished(world, pressed))
  }

  it('of a power command leaves the command open, is asked for every 15 s, and counts once PVE tells it', async () => {
    await world.born('reset')
    silence()
    const pressed = await press(world, 'reset', 'Reset')
    await silentUntil('the command says so', async () => await saysSo(pressed))
    const before = asked()
    world.clock.skip(14_000)
    await until('a look has had time', async () => (await world.clusterCondition('Reachable'))?.status === 'True')
    expect(asked() - before).toBeLessThanOrEqual(1)
    await silentUntil('it is asked for again', async () => asked() > before + 1)
    expect(await saysSo(pressed)).toBe(true)
    expect(await healed(pressed)).toBe('Succeeded: PVE reset the guest.')
  })

  it('of a power command counts when PVE has the VM on another node', async () => {
    const vm = await world.born('rescued')
    silence()
    const pressed = await press(world, 'rescued', 'Reset')
    await silentUntil('the command says so', async () => await saysSo(pressed))
    const guest = world.guestOf(vm)
    guest.node = guest.node === 'pve1' ? 'pve2' : 'pve1'
    await silentUntil('it ends', async () => (await status(pressed))?.finishedAt !== undefined)
    expect(outcome((await commandNamed(world, pressed))!)).toMatch(
      /^Failed: PVE has no result of Reset \(node .*Look at the VM, and write a new command/,
    )
  })

  it('which PVE refuses to tell holds up no command whose effect shows', async () => {
    await world.born('refused')
    silence({ status: 403, reason: 'Permission check failed' })
    const pressed = await press(world, 'refused', 'Stop')
    expect(outcome(await finished(world, pressed))).toBe('Succeeded: The VM is off. PVE has no result of the task.')
  })

  it('of a Migrate leaves the command open while PVE moves the VM', async () => {
    const vm = await world.born('moves')
    const node = vm.status?.node === 'pve1' ? 'pve2' : 'pve1'
    const route = 'POST /nodes/{node}/qemu/{vmid}/migrate'
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, task: { extraMs: 120_000 } } as never], [])
    silence()
    const pressed = await press(world, 'moves', 'Migrate', { node, withLocalDisks: true })
    await silentUntil('the command says so', async () => await saysSo(pressed))
    world.simulator.faults.remove('silent')
    expect(outcome(await finished(world, pressed))).toBe(`Succeeded: The VM is on ${node}.`)
  })

  it('of the start after a Reboot is waited for, however long that takes', async () => {
    const vm = await world.born('slow')
    const route = 'POST /nodes/{node}/qemu/{vmid}/status/reboot'
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, secondTask: { extraMs: 120_000 } } as never], [])
    const pressed = await press(world, 'slow', 'Reboot')
    await until('the start runs', async () => (await status(pressed))?.message?.includes('has shut down') && !admin.isRunning(vm))
    world.clock.skip(65_000)
    expect(outcome(await finished(world, pressed))).toBe('Succeeded: PVE rebooted the guest.')
  })

  it('of a snapshot is told at the snapshot, which is taken once', async () => {
    const vm = await world.born('kept')
    const route = 'POST /nodes/{node}/qemu/{vmid}/snapshot'
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, task: { extraMs: 120_000 } } as never], [])
    silence()
    const { name } = (await ask(world, 'kept')).metadata
    const ready = async () => (await snapshotNamed(world, name))?.status?.conditions?.find(({ type }) => type === 'Ready')
    await silentUntil('the snapshot says so', async () => said.test((await ready())?.message ?? '') || (await ready())?.message)
    world.simulator.faults.remove('silent')
    world.clock.skip(15_500)
    await until('it is taken', async () => (await ready())?.reason === 'SnapshotTaken')
    expect(writes(vm, /\/snapshot$/)).toBe(1)
  })

  it('of the deletion of a VM is no failure of it', async () => {
    const vm = await world.born('goes', { runStrategy: 'Halted' })
    const route = 'DELETE /nodes/{node}/qemu/{vmid}'
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, task: { extraMs: 120_000 } } as never], [])
    silence()
    await world.delete('goes')
    const ready = async () => world.condition(await world.vm('goes'), 'Ready')?.message
    await silentUntil('the VM says so', async () => said.test((await ready()) ?? '') || (await ready()))
    const { step, history } = (await world.vm('goes'))?.status ?? {}
    expect([step?.attempts, history?.filter(({ outcome: how }) => how === 'Failed')]).toEqual([undefined, []])
    world.simulator.faults.remove('silent')
    await world.untilGone('goes', 60)
    expect(world.requests().filter((line) => line === `DELETE /nodes/${vm.status?.node}/qemu/${vm.status?.vmid}`)).toHaveLength(1)
  })

  it('of a step is told at the VM, and the step is not sent again', async () => {
    const vm = await world.born('grows')
    const route = 'PUT /nodes/{node}/qemu/{vmid}/resize'
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, task: { extraMs: 120_000 } } as never], [])
    silence()
    world.simulator.requests.reset()
    await world.edit('grows', { spec: { package: { systemDisk: { size: '22Gi' } } } })
    const ready = async () => world.condition(await world.vm('grows'), 'Ready')?.message
    await silentUntil('the VM says so', async () => said.test((await ready()) ?? '') || (await ready()))
    world.simulator.faults.remove('silent')
    world.clock.skip(15_500)
    await until('it has grown', async () => world.condition(await world.vm('grows'), 'Ready')?.status === 'True', { seconds: 60 })
    expect(writes(vm, /\/resize$/)).toBe(1)
  })

  const writes = (vm: ProxmoxVM, what: RegExp) =>
    world.requests().filter((line) => /^(POST|PUT) /.test(line) && line.includes(`/qemu/${vm.status?.vmid}/`) && what.test(line)).length
})
