import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, outcomeOf, press, reasonOf, turnOff } from './buttons.ts'

const abuse = { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } }

describe('a suspension comes first', () => {
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

  const isOff = async (vm: ProxmoxVM) => {
    await until('the VM is off', () => !admin.isRunning(vm))
    await world.untilCondition(vm.metadata.name, 'Suspended', 'True')
  }

  it('before a reinstall that cannot go on', async () => {
    const vm = await world.born('stuck')
    await admin.set(vm, { protection: 1 })
    await world.edit('stuck', { spec: { reinstall: { requestID: 'r1' } } })
    await world.untilCondition('stuck', 'Stalled', 'True')
    await admin.start(vm).catch(() => undefined)
    await world.edit('stuck', abuse)

    await isOff(vm)
    expect(admin.config(vm).onboot).toBe('0')
  })

  it('before a command whose task never ends', async () => {
    const vm = await world.born('endless')
    world.simulator.faults.add([{ id: 'endless', route: 'POST /nodes/{node}/qemu/{vmid}/status/reboot', beginAfterMs: 36_000_000 }], [])
    const command = await press(world, 'endless', 'Reboot')
    await until('the command is under way', async () => (await commandNamed(world, command))?.status?.upid)
    await world.edit('endless', abuse)

    await isOff(vm)
    world.simulator.faults.remove('endless')
  })

  it('so a Start that was given before it is not carried out after it', async () => {
    const vm = await world.born('overtaken')
    expect(await outcomeOf(world, 'overtaken', 'Stop')).toContain('Succeeded')
    world.simulator.faults.add([{ id: 'away', route: '* /**', times: 'always', status: 595, reason: 'No route to host' }], [])
    const start = await press(world, 'overtaken', 'Start')
    await world.edit('overtaken', abuse)
    const ended = await finished(world, start)
    world.simulator.faults.remove('away')

    expect(`${reasonOf(ended)}: ${ended.status?.message}`).toContain('PreconditionFailed: The VM is suspended by abuse (spam)')
    expect(admin.isRunning(vm)).toBe(false)
  })
})

describe('a command that has not begun', () => {
  let world: TestWorld
  let admin: Admin
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
    await world.born('waiting')
    await turnOff(world, admin, 'waiting')
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  const away = () =>
    world.simulator.faults.add([{ id: 'away', route: '* /nodes/**', times: 'always', status: 595, reason: 'No route to host' }], [])

  it('fails when its timeout is over, and says what it waited for', async () => {
    away()
    const start = await press(world, 'waiting', 'Start', { timeout: '2m' })
    const skipping = setInterval(() => world.skip(30_000), 500)
    const ended = await finished(world, start).finally(() => clearInterval(skipping))
    world.simulator.faults.remove('away')

    expect(reasonOf(ended)).toBe('CommandTimedOut')
    expect(ended.status?.message).toContain('Start did not begin within 2m, and nothing was done.')
    expect(admin.isRunning(await world.vm('waiting'))).toBe(false)
  })

  it('is cancelled by deleting it', async () => {
    away()
    world.simulator.requests.reset()
    const start = await press(world, 'waiting', 'Start')
    await until('it was looked at', () => world.simulator.requests.report().log.some(({ status }) => status === 595))
    await world.client.delete(proxmoxVMCommands, { namespace: world.namespace, name: start })
    const { queue, stores } = world.operator!.operator
    const isKnown = () => stores.commands.get(`${world.namespace}/${start}`) === undefined
    await until('the operator knows', () => isKnown() && !queue.isRunning(`${world.namespace}/waiting`))
    world.simulator.faults.remove('away')
    world.skip(60_000)

    expect(await outcomeOf(world, 'waiting', 'Reboot')).toBe('Failed: The VM does not run.')
  })
})

describe('a change of package under way', () => {
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

  it('refuses a Start, and does not undo a Stop', async () => {
    const vm = await world.born('changing')
    const config = 'POST /nodes/{node}/qemu/{vmid}/config'
    world.simulator.faults.add([{ id: 'held', route: config, times: 'always', status: 500, reason: 'got lock request timeout' }], [])
    await world.edit('changing', { spec: { package: { memory: { size: '2Gi' } } } })
    await until('the change is under way', async () => (await world.vm('changing'))?.status?.change)
    expect(await outcomeOf(world, 'changing', 'Stop')).toContain('Succeeded')
    expect(await outcomeOf(world, 'changing', 'Start')).toContain('Failed: The operator applies another package')
    world.simulator.faults.remove('held')
    await until('the package is applied', async () => {
      world.skip(5_000)
      return (await world.vm('changing'))?.status?.change === undefined
    })
    await world.untilReady('changing')

    expect(admin.config(vm).memory).toBe('2048')
    expect(admin.isRunning(vm)).toBe(false)
  })
})
