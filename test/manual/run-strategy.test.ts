import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

describe('runStrategy', () => {
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

  const starts = (vmid: number | undefined) =>
    world.requests().filter((line) => line === `POST /nodes/pve1/qemu/${vmid}/status/start`).length
  const power = async (name: string) => (await world.vm(name))?.status?.remoteStatus

  describe('Once', () => {
    it('starts the VM a single time, before it is ready', async () => {
      await world.apply('once', { placement: { node: 'pve1' } })
      const vm = await world.untilReady('once')
      expect(vm.status).toMatchObject({ remoteStatus: 'running', phase: 'Running' })
      expect(vm.status?.firstStartedAt).toBeDefined()
      expect(admin.config(vm).onboot).toBe('1')
      expect(starts(vm.status?.vmid)).toBe(1)
    })

    it.each([
      ['the guest powers off', (name: string) => world.vm(name).then((vm) => admin.powerOff(vm!))],
      ['an admin stops it', (name: string) => world.vm(name).then((vm) => admin.stop(vm!))],
    ])('leaves the VM off when %s, and stays Ready', async (_, turnOff) => {
      const vm = (await world.vm('once'))!
      if (!admin.isRunning(vm)) await admin.start(vm)
      await admin.soon('it is seen on', async () => (await power('once')) === 'running')
      const before = starts(vm.status?.vmid)
      await turnOff('once')
      await admin.soon('it is seen off', async () => (await power('once')) === 'stopped')
      // A thorough look has the same opinion.
      await world.edit('once', { metadata: { annotations: { touched: `${performance.now()}` } } })
      world.clock.skip(20_000)
      const after = await world.untilCondition('once', 'Ready', 'True', 'Stopped')
      expect(after.status).toMatchObject({ phase: 'Stopped', localStatus: 'ready' })
      expect(admin.isRunning(after)).toBe(false)
      expect(starts(vm.status?.vmid)).toBe(before)
    })

    it('leaves the VM on when an admin starts it', async () => {
      const vm = (await world.vm('once'))!
      await admin.start(vm)
      await admin.soon('it is seen on', async () => (await power('once')) === 'running')
      expect(world.condition(await world.untilReady('once'), 'Ready')?.reason).toBe('Running')
    })

    it('leaves it to PVE to bring the VM up with its node', async () => {
      const vm = (await world.vm('once'))!
      const { world: pve } = world.simulator
      pve.setNodeOnline('pve1', false)
      world.clock.skip(10_000)
      pve.setNodeOnline('pve1', true)
      await admin.soon('it is seen off', async () => (await power('once')) === 'stopped')
      expect(admin.config(vm).onboot).toBe('1')
      // What PVE's own boot does for guests with onboot.
      await admin.start(vm)
      await admin.soon('it is seen on', async () => (await power('once')) === 'running')
    })
  })

  describe('Always', () => {
    it('starts the VM again whenever it is off', async () => {
      await world.apply('always', { runStrategy: 'Always', placement: { node: 'pve1' } })
      const vm = await world.untilReady('always')
      expect(admin.isRunning(vm)).toBe(true)
      admin.powerOff(vm)
      await admin.soon('it runs again', () => admin.isRunning(vm))
      await admin.stop(vm)
      await admin.soon('it runs again', () => admin.isRunning(vm))
      world.simulator.world.setNodeOnline('pve1', false)
      world.simulator.world.setNodeOnline('pve1', true)
      await admin.soon('it runs again', () => admin.isRunning(vm))
      await world.untilReady('always')
    })

    it('refuses Stop and Shutdown', async () => {
      for (const command of ['Stop', 'Shutdown'] as const)
        expect(await outcomeOf(world, 'always', command)).toBe(
          'Failed: spec.runStrategy is Always, so the operator would start the VM again; change it first.',
        )
      expect(admin.isRunning(await world.vm('always'))).toBe(true)
    })

    it('becomes Once by an edit: the VM is left on, and then left off', async () => {
      await world.edit('always', { spec: { runStrategy: 'Once' } })
      const vm = await world.untilReady('always')
      expect(admin.isRunning(vm)).toBe(true)
      admin.powerOff(vm)
      await admin.soon('it is seen off', async () => (await power('always')) === 'stopped')
      await world.edit('always', { spec: { runStrategy: 'Always' } })
      await until('it runs', () => admin.isRunning(vm))
    })
  })

  describe('Halted', () => {
    it('makes the VM ready without a start', async () => {
      await world.apply('halted', { runStrategy: 'Halted', placement: { node: 'pve1' } })
      const vm = await world.untilReady('halted')
      expect(vm.status).toMatchObject({ remoteStatus: 'stopped', phase: 'Stopped', localStatus: 'ready', progress: '12/12' })
      expect(vm.status?.firstStartedAt).toBeUndefined()
      expect(admin.config(vm).onboot ?? '0').toBe('0')
      expect(starts(vm.status?.vmid)).toBe(0)
    })

    it('shuts the VM down when somebody starts it', async () => {
      const vm = (await world.vm('halted'))!
      await admin.start(vm)
      await admin.soon('it is off again', () => !admin.isRunning(vm))
      await world.untilCondition('halted', 'Ready', 'True', 'Stopped')
    })

    it('refuses Start', async () => {
      expect(await outcomeOf(world, 'halted', 'Start')).toBe('Failed: spec.runStrategy is Halted; change it to start the VM.')
    })

    it('shuts a running VM down by an edit, and starts it by the next; neither is a change of package', async () => {
      await world.edit('halted', { spec: { runStrategy: 'Once' } })
      const vm = (await world.vm('halted'))!
      await until('it runs', () => admin.isRunning(vm))
      expect(admin.config(await world.untilReady('halted')).onboot).toBe('1')
      await world.edit('halted', { spec: { runStrategy: 'Halted' } })
      await until('it is off', () => !admin.isRunning(vm))
      const now = await world.untilReady('halted')
      expect(admin.config(now).onboot).toBe('0')
      expect(now.status?.history?.some((line) => line.step === 'stop')).toBe(false)
    })
  })
})
