import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, press, reasonOf } from './buttons.ts'

describe('a command', () => {
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

  it('is refused when its VM is gone, also one made while no operator ran', async () => {
    await world.killOperator()
    const name = await press(world, 'nowhere', 'Start')
    await world.startOperator()
    await until('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status).toMatchObject({
      phase: 'Failed',
      message: 'There is no ProxmoxVM "nowhere" in this namespace.',
    })
  })

  describe('runs once', () => {
    const posts = (vmid: number | undefined, what: string) =>
      world.requests().filter((line) => line.startsWith('POST') && line.endsWith(`/qemu/${vmid}/status/${what}`)).length

    it.each(['before', 'after'] as const)('when the answer of PVE is lost %s the effect', async (drop) => {
      const vm = await world.born(`lost-${drop}`)
      world.simulator.requests.reset()
      world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/status/reboot', match: { vmid: vm.status?.vmid }, drop }], [])
      const name = await press(world, `lost-${drop}`, 'Reboot')
      await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
      expect((await commandNamed(world, name))?.status).toMatchObject({ phase: 'Succeeded', message: 'PVE rebooted the guest.' })
      const tasks = world.simulator.world.tasks
        .onNode(vm.status?.node ?? '')
        .filter(({ type, id }) => type === 'qmreboot' && id === String(vm.status?.vmid))
      expect(tasks).toHaveLength(1)
      await until('it runs', () => admin.isRunning(vm))
    })

    it.each(['before', 'after'] as const)('when the operator is killed %s each of its writes', async (when) => {
      const vm = await world.born(`killed-${when}`)
      for (let index = 0; index < 2; index++) {
        world.simulator.requests.reset()
        let seen = 0
        const death = world.operator!.wire.dieAt((write) => write.what.endsWith('/status/reboot') && seen++ === 0, when)
        const name = await press(world, `killed-${when}`, 'Reboot')
        await death
        await world.killOperator()
        await world.startOperator()
        await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
        expect((await commandNamed(world, name))?.status?.phase).toBe('Succeeded')
        const tasks = world.simulator.world.tasks
          .onNode(vm.status?.node ?? '')
          .filter(({ type, id }) => type === 'qmreboot' && id === String(vm.status?.vmid))
        expect(tasks).toHaveLength(index + 1)
        await until('it runs', () => admin.isRunning(vm))
      }
    })

    it('over many restarts of the operator', async () => {
      const vm = await world.born('restarts')
      const name = await press(world, 'restarts', 'Reboot')
      for (let turn = 0; turn < 3; turn++) {
        await world.stopOperator()
        await world.startOperator()
      }
      // One that was stopped between the note of the request and the request leaves a lost one: that takes a minute.
      await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
      expect((await commandNamed(world, name))?.status?.phase).toBe('Succeeded')
      const tasks = world.simulator.world.tasks
        .onNode(vm.status?.node ?? '')
        .filter(({ type, id }) => type === 'qmreboot' && id === String(vm.status?.vmid))
      expect(tasks).toHaveLength(1)
      world.simulator.requests.reset()
      await world.stopOperator()
      await world.startOperator()
      await world.untilReady('restarts')
      expect(posts(vm.status?.vmid, 'reboot')).toBe(0)
    })

    it('and not on another VM of the same name', async () => {
      const { status } = await world.born('reborn')
      // To the end of the test: the guest still runs then.
      hold(world, 'POST /nodes/{node}/qemu/{vmid}/status/shutdown', status?.vmid)
      const name = await press(world, 'reborn', 'Shutdown')
      await until('it is begun', async () => (await commandNamed(world, name))?.status?.upid)
      await world.stopOperator()
      const old = (await world.vm('reborn'))!
      await world.delete('reborn')
      await world.edit('reborn', { metadata: { finalizers: null } })
      await world.untilGone('reborn')
      await world.apply('reborn')
      await world.startOperator()
      const ended = await finished(world, name)
      expect(`${reasonOf(ended)}: ${ended.status?.message}`).toBe(
        'VMNotFound: The VM of this command no longer exists; another ProxmoxVM has its name now.',
      )
      // The former VM is still there, and no object owns it: nothing is made beside it.
      const vm = await world.untilCondition('reborn', 'Stalled', 'True', 'OwnedByFormerObject')
      expect(vm.status?.vmid).toBeUndefined()
      expect(admin.isRunning(old)).toBe(true)
    })
  })
})
