import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands, proxmoxVMs } from '../../src/api/meta.ts'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, outcomeOf, press, reasonOf } from './buttons.ts'
import { eventsOf } from './seen.ts'

describe('a command', () => {
  let world: TestWorld
  let admin: Admin
  let pool: string

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  it('says what became of it, in conditions, phase and events on the VM', async () => {
    await world.born('told')
    const command = await finished(world, await press(world, 'told', 'Stop', { reason: 'maintenance' }))
    expect(command.status).toMatchObject({ phase: 'Succeeded', message: 'PVE cut the power.', observedGeneration: 1 })
    expect(command.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual(['Ready=True', 'Complete=True'])
    const refused = await finished(world, await press(world, 'told', 'Stop'))
    expect(refused.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Ready=False',
      'Failed=True',
      'Stalled=True',
    ])
    expect(reasonOf(refused)).toBe('PreconditionFailed')
    await until('both are told', async () => {
      const reasons = (await eventsOf(world, 'told')).map((event) => event.reason)
      return reasons.includes('CommandSucceeded') && reasons.includes('CommandFailed')
    })
  })

  describe('of power', () => {
    beforeAll(async () => void (await world.born('power', { shutdownTimeout: '10s' })), 60_000)

    it('cuts, starts, reboots and shuts down', async () => {
      const vm = (await world.vm('power'))!
      expect(await outcomeOf(world, 'power', 'Stop')).toBe('Succeeded: PVE cut the power.')
      expect(admin.isRunning(vm)).toBe(false)
      await until('status shows it', async () => (await world.vm('power'))?.status?.remoteStatus === 'stopped')
      expect(await outcomeOf(world, 'power', 'Start')).toBe('Succeeded: PVE started the VM.')
      expect(admin.isRunning(vm)).toBe(true)
      await until('status shows it', async () => (await world.vm('power'))?.status?.remoteStatus === 'running')
      expect(await outcomeOf(world, 'power', 'Reboot')).toBe('Succeeded: PVE rebooted the guest.')
      await until('it runs again', () => admin.isRunning(vm))
      expect(await outcomeOf(world, 'power', 'Shutdown')).toBe('Succeeded: The guest shut down.')
      expect(admin.isRunning(vm)).toBe(false)
    })

    it.each<[CommandName, string]>([
      ['Stop', 'The VM does not run.'],
      ['Shutdown', 'The VM does not run.'],
      ['Reboot', 'The VM does not run.'],
    ])('%s is refused on a VM that is off', async (command, why) => {
      expect(await outcomeOf(world, 'power', command)).toBe(`Failed: ${why}`)
    })

    it('Start is refused on a VM that runs', async () => {
      expect(await outcomeOf(world, 'power', 'Start')).toContain('Succeeded')
      expect(await outcomeOf(world, 'power', 'Start')).toBe('Failed: The VM already runs.')
    })

    it('Shutdown and Reboot fail with the words of PVE when the guest does not obey, and cut nothing', async () => {
      const { durations } = world.simulator.world.spec
      durations.guestsObeyShutdown = false
      try {
        for (const command of ['Shutdown', 'Reboot'] as const) {
          const ended = await finished(world, await press(world, 'power', command))
          expect(`${reasonOf(ended)}: ${ended.status?.message}`).toBe('CommandFailed: VM quit/powerdown failed - got timeout')
        }
      } finally {
        durations.guestsObeyShutdown = true
      }
      expect(admin.isRunning(await world.vm('power'))).toBe(true)
    })

    it('is refused before the VM is ready', async () => {
      await world.apply('unready', { template: { name: 'there-is-none' }, package: { network: { bridge: 'vmbr0' } } })
      await world.untilCondition('unready', 'Stalled', 'True', 'TemplateNotFound')
      for (const command of ['Start', 'Stop', 'Reboot', 'SetNetwork', 'ChangePackage', 'Remove'] as const)
        expect(await outcomeOf(world, 'unready', command)).toBe('Failed: PVE has no VM of this object.')
    })
  })

  describe('is refused', () => {
    it('while another one is under way', async () => {
      const { status } = await world.born('busy')
      const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/status/shutdown', status?.vmid)
      const first = await press(world, 'busy', 'Shutdown')
      await until('it is begun', async () => (await commandNamed(world, first))?.status?.upid)
      const second = await finished(world, await press(world, 'busy', 'Reboot'))
      expect(`${reasonOf(second)}: ${second.status?.message}`).toBe(`AnotherCommand: Another command runs: Shutdown (${first}).`)
      letGo()
      expect((await finished(world, first)).status?.phase).toBe('Succeeded')
    })

    it('while PVE holds a lock', async () => {
      const vm = (await world.vm('busy'))!
      admin.lock(vm, 'backup')
      const command = await finished(world, await press(world, 'busy', 'Start'))
      expect(`${reasonOf(command)}: ${command.status?.message}`).toBe(
        'VMLocked: PVE holds the lock "backup" on the VM; try again when PVE releases it.',
      )
      admin.lock(vm, undefined)
    })

    it('when there is no such VM', async () => {
      const command = await finished(world, await press(world, 'nobody', 'Start'))
      expect(`${reasonOf(command)}: ${command.status?.message}`).toBe('VMNotFound: There is no ProxmoxVM "nobody" in this namespace.')
    })

    it('when the VM is being deleted; the finished ones go with it', async () => {
      const vm = await world.born('leaving')
      const kept = await press(world, 'leaving', 'Stop')
      await finished(world, kept)
      admin.lock(vm, 'backup')
      await world.delete('leaving')
      await until('it is being taken down', async () => (await world.vm('leaving'))?.status?.phase === 'Terminating')
      expect(await outcomeOf(world, 'leaving', 'Start')).toBe('Failed: The VM is being deleted.')
      admin.lock(vm, undefined)
      world.clock.skip(31_000)
      await world.untilGone('leaving')
      await until('its commands are gone', async () => (await commandNamed(world, kept)) === undefined)
    })
  })

  it('is deleted after ttlSecondsAfterFinished, and kept without one', async () => {
    const kept = await press(world, 'power', 'SetNetwork')
    const gone = await press(world, 'power', 'SetNetwork', { ttlSecondsAfterFinished: 3600 })
    const atOnce = await press(world, 'power', 'SetNetwork', { ttlSecondsAfterFinished: 0 })
    await finished(world, kept)
    await finished(world, gone)
    await until('it is gone at once', async () => (await commandNamed(world, atOnce)) === undefined)
    // Whatever somebody sets the clock of the machine to meanwhile.
    world.clock.jump(-3_600_000)
    world.clock.skip(3_601_000)
    await until('it is gone', async () => (await commandNamed(world, gone)) === undefined)
    expect(await commandNamed(world, kept)).toBeDefined()
  })

  it('cannot be changed', async () => {
    const name = await press(world, 'power', 'SetNetwork')
    await expect(
      world.client.mergePatch(proxmoxVMCommands, { namespace: world.namespace, name }, { spec: { command: 'Stop' } }),
    ).rejects.toThrow('a command runs once and cannot change')
  })

  it('leaves every field of the spec to its owner: the same manifest applied again finds no difference', async () => {
    const manifest = {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVM',
      metadata: { name: 'declared', namespace: world.namespace, labels: { app: 'shop' } },
      spec: {
        clusterRef: { name: world.cluster },
        template: { name: 'debian-13' },
        package: vpsM,
        addresses: [{ name: 'main', poolRef: { name: pool } }],
        cloudInit: { user: 'admin', generatePassword: true },
      },
    }
    const apply = async () => await world.client.apply(proxmoxVMs, manifest as never, { fieldManager: 'gitops' })
    await apply()
    const before = await world.untilReady('declared')
    for (const command of ['Stop', 'SetCPURAM', 'SetCloudInit', 'Start', 'ChangePackage', 'Reinstall'] as const)
      expect(await outcomeOf(world, 'declared', command)).toMatch(/^Succeeded/)
    const after = await world.untilReady('declared')
    expect(after.spec).toEqual(before.spec)
    expect(after.metadata.generation).toBe(before.metadata.generation)
    expect((await apply()).metadata.resourceVersion).toBe(after.metadata.resourceVersion)
  })
})
