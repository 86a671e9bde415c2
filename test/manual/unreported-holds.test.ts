/** What an end that PVE cannot report must not hold up: a suspension, a deletion, a restart of the operator, the commands of a person. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { taken } from '../snapshots/snapshots.ts'
import { TestWorld } from '../support/world.ts'
import { commandNamed, finished, press } from './buttons.ts'
import { timePasses } from './time-passes.ts'

const abuse = { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } }
const statusRoute = 'GET /nodes/{node}/tasks/{upid}/status'

describe('an end that PVE cannot report', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterEach(() => world.simulator.faults.remove())
  afterAll(async () => {
    await world.stop()
  })
  const silence = (fault: object = { status: 595, reason: 'No route to host' }) =>
    world.simulator.faults.add([{ id: 'silent', route: statusRoute, times: 'always', ...fault } as never], [])
  const slow = (vm: ProxmoxVM, route: string, more: object = { task: { extraMs: 3_600_000 } }) =>
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, ...more } as never], [])
  const passes = (what: string, isSo: () => Promise<unknown>) => timePasses(world, what, isSo)
  const said = /PVE cannot report the result of/
  const command = async (name: string) => (await commandNamed(world, name))?.status
  const readyMessage = async (name: string) => world.condition(await world.vm(name), 'Ready')?.message
  const saysSo = async (pressed: string) => said.test((await command(pressed))?.message ?? '') || (await command(pressed))
  const isShutDown = ({ status }: ProxmoxVM) => world.requests().some((line) => line.includes(`/qemu/${status?.vmid}/status/shutdown`))

  it('of a power command holds up no suspension', async () => {
    const vm = await world.born('cmd')
    slow(vm, 'POST /nodes/{node}/qemu/{vmid}/status/reset')
    silence()
    const pressed = await press(world, 'cmd', 'Reset')
    await passes('said', async () => await saysSo(pressed))
    await world.edit('cmd', abuse)
    await passes('a shutdown is asked for', async () => isShutDown(vm) || (await readyMessage('cmd')))
    expect((await command(pressed))?.phase).not.toBe('Succeeded')
  })

  it('of a step holds up no suspension', async () => {
    const vm = await world.born('grow')
    slow(vm, 'PUT /nodes/{node}/qemu/{vmid}/resize')
    silence()
    await world.edit('grow', { spec: { package: { systemDisk: { size: '22Gi' } } } })
    await passes('said', async () => said.test((await readyMessage('grow')) ?? '') || (await readyMessage('grow')))
    await world.edit('grow', abuse)
    expect(isShutDown(vm)).toBe(false)
    await passes('a shutdown is asked for', async () => isShutDown(vm) || (await readyMessage('grow')))
  })

  it('of a power command holds up no deletion', async () => {
    const vm = await world.born('del')
    slow(vm, 'POST /nodes/{node}/qemu/{vmid}/status/reset', { task: { extraMs: 1000 } })
    silence()
    const pressed = await press(world, 'del', 'Reset')
    await passes('said', async () => await saysSo(pressed))
    world.simulator.faults.remove('silent')
    silence({ status: 403, reason: 'Permission check failed (/nodes/pve1, Sys.Audit)' })
    await world.delete('del')
    await passes('gone', async () => (await world.vm('del')) === undefined || (await readyMessage('del')))
    expect(world.simulator.world.guests.has(vm.status?.vmid ?? 0)).toBe(false)
  })

  it('of a power command survives a restart', async () => {
    await world.born('again')
    silence()
    const pressed = await press(world, 'again', 'Reset')
    await passes('said', async () => await saysSo(pressed))
    await world.killOperator()
    await world.startOperator()
    await passes('said', async () => await saysSo(pressed))
    world.simulator.faults.remove('silent')
    world.clock.skip(15_500)
    expect((await finished(world, pressed)).status?.message).toBe('PVE reset the guest.')
  })

  const refusal = { status: 403, reason: 'Permission check failed (/nodes/pve1, Sys.Audit)' }
  it.each([
    ['Reset', 'POST /nodes/{node}/qemu/{vmid}/status/reset', async () => ({})],
    [
      'Migrate',
      'POST /nodes/{node}/qemu/{vmid}/migrate',
      async (vm: ProxmoxVM) => ({ node: vm.status?.node === 'pve1' ? 'pve2' : 'pve1', withLocalDisks: true }),
    ],
    [
      'Rollback',
      'POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback',
      async (vm: ProxmoxVM) => ({ snapshotRef: { name: (await taken(world, vm.metadata.name)).metadata.name } }),
    ],
  ] as const)('which PVE never reports to this token ends a %s at last', async (name, route, more) => {
    const vm = await world.born(name.toLowerCase())
    const values = await more(vm)
    // A rollback that fails leaves its lock, which a person takes off.
    slow(vm, route, { task: name === 'Rollback' ? { extraMs: 1 } : { exitstatus: 'it did not work', before: true } })
    silence(refusal)
    const pressed = await press(world, vm.metadata.name, name, values)
    const told = async () => `${(await command(pressed))?.message} ${await readyMessage(vm.metadata.name)}`
    await passes('it is told', async () => said.test(await told()) || (await told()))
    expect((await command(pressed))?.finishedAt).toBeUndefined()
    await passes('it ends', async () => {
      if (world.operator?.operator.queue.running === 0) world.skip(60_000)
      return (await command(pressed))?.finishedAt !== undefined || (await told())
    })
    expect((await command(pressed))?.phase).toBe('Failed')
  })
})
