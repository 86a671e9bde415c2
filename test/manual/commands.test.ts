import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands, proxmoxVMs } from '../../src/api/meta.ts'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { clonesOf } from '../support/portrait.ts'
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
  }, 60_000)
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  const born = async (name: string, spec: object = {}) => {
    await world.apply(name, spec)
    return await world.untilReady(name)
  }
  const off = async (name: string) => {
    if (admin.isRunning(await world.vm(name))) expect(await outcomeOf(world, name, 'Stop')).toBe('Succeeded: The power was cut.')
    await world.untilReady(name)
  }

  it('says what became of it, in conditions, phase and events on the VM', async () => {
    await born('told')
    const command = await finished(world, await press(world, 'told', 'Stop', { reason: 'maintenance' }))
    expect(command.status).toMatchObject({ phase: 'Succeeded', message: 'The power was cut.', observedGeneration: 1 })
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
  }, 60_000)

  describe('of power', () => {
    beforeAll(async () => void (await born('power', { shutdownTimeout: '10s' })), 60_000)

    it('cuts, starts, reboots and shuts down', async () => {
      const vm = (await world.vm('power'))!
      expect(await outcomeOf(world, 'power', 'Stop')).toBe('Succeeded: The power was cut.')
      expect(admin.isRunning(vm)).toBe(false)
      await until('status shows it', async () => (await world.vm('power'))?.status?.remoteStatus === 'stopped')
      expect(await outcomeOf(world, 'power', 'Start')).toBe('Succeeded: The VM was started.')
      expect(admin.isRunning(vm)).toBe(true)
      await until('status shows it', async () => (await world.vm('power'))?.status?.remoteStatus === 'running')
      expect(await outcomeOf(world, 'power', 'Reboot')).toBe('Succeeded: The guest was rebooted.')
      await until('it runs again', () => admin.isRunning(vm))
      expect(await outcomeOf(world, 'power', 'Shutdown')).toBe('Succeeded: The guest shut down.')
      expect(admin.isRunning(vm)).toBe(false)
    }, 60_000)

    it.each<[CommandName, string]>([
      ['Stop', 'The VM is not running.'],
      ['Shutdown', 'The VM is not running.'],
      ['Reboot', 'The VM is not running.'],
    ])('%s is refused on a VM that is off', async (command, why) => {
      expect(await outcomeOf(world, 'power', command)).toBe(`Failed: ${why}`)
    })

    it('Start is refused on a VM that runs', async () => {
      expect(await outcomeOf(world, 'power', 'Start')).toContain('Succeeded')
      expect(await outcomeOf(world, 'power', 'Start')).toBe('Failed: The VM is running already.')
    }, 60_000)

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
    }, 60_000)

    it('is refused before the VM is ready', async () => {
      await world.apply('unready', { template: { name: 'there-is-none' }, package: { network: { bridge: 'vmbr0' } } })
      await world.untilCondition('unready', 'Stalled', 'True', 'TemplateNotFound')
      for (const command of ['Start', 'Stop', 'Reboot', 'SetNetwork', 'ChangePackage', 'Remove'] as const)
        expect(await outcomeOf(world, 'unready', command)).toBe('Failed: There is no VM of this object in PVE.')
    }, 60_000)
  })

  describe('that brings one setting to the package', () => {
    beforeAll(async () => {
      await born('rungs', { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }], cloudInit: { user: 'admin' } })
    }, 60_000)

    const anytime = [
      'SetSystemDiskSize',
      'SetSystemDiskBandwidth',
      'SetCreatedAdditionalDisk',
      'SetAdditionalDiskSize',
      'SetAdditionalDiskBandwidth',
      'SetNetwork',
      'SetFirewall',
    ] as const

    it('sends nothing when it is so already', async () => {
      world.simulator.requests.reset()
      for (const command of anytime)
        expect(await outcomeOf(world, 'rungs', command)).toMatch(/^Succeeded: set_\w+ is as the package says\.$/)
      expect(world.writes()).toEqual([])
    }, 60_000)

    it.each(['SetCPURAM', 'SetCloudInit', 'Remove'] as const)('%s is refused on a running VM and does not stop it', async (command) => {
      expect(await outcomeOf(world, 'rungs', command)).toBe(
        'Failed: The VM is running, and this command acts only on a stopped one: shut it down first.',
      )
      expect(admin.isRunning(await world.vm('rungs'))).toBe(true)
    })

    // The annotation keeps everything but the button from putting it back.
    it.each<[CommandName, Record<string, string | number>, string]>([
      ['SetCPURAM', { cores: 1 }, 'cores'],
      ['SetSystemDiskBandwidth', {}, 'scsi0'],
      ['SetAdditionalDiskBandwidth', {}, 'scsi1'],
      ['SetNetwork', {}, 'net0'],
      ['SetCloudInit', { ciuser: 'mallory' }, 'ciuser'],
    ])('%s puts back what an admin changed', async (command, values, key) => {
      await off('rungs')
      const vm = (await world.vm('rungs'))!
      const was = admin.config(vm)[key] ?? ''
      const changed = Object.keys(values).length > 0 ? values : { [key]: was.replace(/,(mbps_rd|rate)=[^,]*/, '') }
      await admin.set(vm, changed)
      expect(admin.config(vm)[key]).not.toBe(was)
      expect(await outcomeOf(world, 'rungs', command)).toMatch(/^Succeeded/)
      expect(admin.config(vm)[key]).toBe(was)
      expect(admin.isRunning(vm)).toBe(false)
    })

    it('SetFirewall adds what is missing', async () => {
      const vm = (await world.vm('rungs'))!
      await admin.call('DELETE', vm, '/firewall/rules/0')
      expect(await outcomeOf(world, 'rungs', 'SetFirewall')).toMatch(/^Succeeded/)
      expect(world.simulator.world.firewall.get(vm.status?.vmid ?? 0)?.rules).toHaveLength(4)
    }, 60_000)

    it('SetCreatedAdditionalDisk makes a disk that is gone', async () => {
      await off('rungs')
      const vm = (await world.vm('rungs'))!
      await admin.call('PUT', vm, '/config', { delete: 'scsi1', force: 1 })
      expect(admin.config(vm)).not.toHaveProperty('scsi1')
      expect(await outcomeOf(world, 'rungs', 'SetCreatedAdditionalDisk')).toMatch(/^Succeeded/)
      expect(admin.config(vm).scsi1).toContain('size=100G')
    }, 60_000)

    it('SetSystemDiskSize reports a disk that is larger than the package', async () => {
      const vm = (await world.vm('rungs'))!
      await admin.call('PUT', vm, '/resize', { disk: 'scsi0', size: '50G' })
      const command = await finished(world, await press(world, 'rungs', 'SetSystemDiskSize'))
      expect([command.status?.phase, reasonOf(command)]).toEqual(['Failed', 'DiskShrinkRefused'])
    }, 60_000)

    it('fails with the words of the task, and is not repeated; the VM goes on by itself', async () => {
      await born('unlucky')
      world.simulator.faults.add(
        [{ route: 'PUT /nodes/{node}/qemu/{vmid}/resize', times: 'always', task: { exitstatus: 'lvextend failed', before: true } }],
        [],
      )
      try {
        await world.edit('unlucky', { spec: { package: { systemDisk: { size: '30Gi' } } } })
        await world.untilCondition('unlucky', 'Ready', 'False', 'Retrying')
        const command = await finished(world, await press(world, 'unlucky', 'SetSystemDiskSize'))
        expect(`${reasonOf(command)}: ${command.status?.message}`).toBe('CommandFailed: lvextend failed')
      } finally {
        world.simulator.faults.reset()
      }
      await admin.soon('the VM goes on by itself', async () => admin.config(await world.vm('unlucky')).scsi0?.includes('size=30G'))
    }, 60_000)

    it('SetDedicatedIP allocates every declared address, and says which', async () => {
      expect(await outcomeOf(world, 'rungs', 'SetDedicatedIP')).toMatch(/^Succeeded: Allocated: 203\.0\.113\.\d+\.$/)
      expect(await outcomeOf(world, 'power', 'SetDedicatedIP')).toBe('Succeeded: The VM declares no address.')
      await world.apply('poor', { addresses: [{ name: 'main', poolRef: { name: 'there-is-none' } }] })
      await world.untilCondition('poor', 'Stalled', 'True', 'PoolNotFound')
      expect(reasonOf(await finished(world, await press(world, 'poor', 'SetDedicatedIP')))).toBe('PoolNotFound')
    }, 60_000)
  })

  describe('Remove', () => {
    it('deletes the VM only: backups, disks unknown to PVE, VMID and addresses stay, and the phase is Removed', async () => {
      const vm = await born('removed', { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }] })
      const { vmid = 0, node = '' } = vm.status ?? {}
      await admin.at('POST', `/nodes/${node}/vzdump`, { vmid, storage: 'local', mode: 'snapshot' })
      await admin.at('POST', `/nodes/${node}/storage/local-lvm/content`, { vmid, filename: `vm-${vmid}-disk-9`, size: '1G', format: 'raw' })
      await off('removed')
      expect(await outcomeOf(world, 'removed', 'Remove')).toBe(`Succeeded: VM ${vmid} was removed; VMID, addresses and backups are kept.`)
      expect(world.simulator.world.guests.has(vmid)).toBe(false)
      const volumes = [...world.simulator.world.storage.all()].filter((volume) => volume.vmid === vmid).map(({ name }) => name)
      expect(volumes.filter((name) => name.startsWith('backup/'))).toHaveLength(1)
      expect(volumes).toContain(`vm-${vmid}-disk-9`)
      const now = await world.untilCondition('removed', 'Ready', 'False', 'Removed')
      expect(now.status).toMatchObject({ phase: 'Removed', vmid })
      expect((await world.addresses(pool)).filter((address) => address.spec.claimRef?.uid === vm.metadata.uid)).toHaveLength(1)
      expect(await outcomeOf(world, 'removed', 'Start')).toBe('Failed: There is no VM of this object in PVE: it was removed.')
    }, 60_000)

    it('is undone by Clone, with the same VMID, MAC and addresses', async () => {
      const before = (await world.vm('removed'))!
      expect(await outcomeOf(world, 'removed', 'Clone')).toBe('Succeeded: The VM was cloned and is ready.')
      const vm = await world.untilReady('removed')
      expect(vm.status).toMatchObject({ phase: 'Running', localStatus: 'ready', vmid: before.status?.vmid })
      expect(vm.status?.interfaces).toEqual(before.status?.interfaces)
      expect(vm.status?.addresses).toEqual(before.status?.addresses)
      expect(vm.status?.removedAt).toBeUndefined()
      expect(await outcomeOf(world, 'removed', 'Clone')).toBe(`Failed: VM ${vm.status?.vmid} exists already.`)
    }, 60_000)

    it('is undone by Reinstall, too, and lets the object go', async () => {
      await off('removed')
      expect(await outcomeOf(world, 'removed', 'Remove')).toMatch(/^Succeeded/)
      expect(await outcomeOf(world, 'removed', 'Reinstall')).toBe('Succeeded: The VM was reinstalled and is ready.')
      await off('removed')
      expect(await outcomeOf(world, 'removed', 'Remove')).toMatch(/^Succeeded/)
      await world.delete('removed')
      await world.untilGone('removed')
    }, 60_000)
  })

  it('Clone on a VM that is being made leaves the making to the operator, and ends with it', async () => {
    await world.apply('young')
    const name = await press(world, 'young', 'Clone')
    const vm = await world.untilReady('young')
    const ended = await finished(world, name)
    expect(ended.status?.message).toMatch(/The VM was cloned and is ready\.|exists already|still being cloned/)
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
  }, 60_000)

  it('Clone brings a VM back that vanished from PVE, which the operator does not do by itself', async () => {
    const vm = await born('vanished')
    await admin.destroy(vm)
    await admin.soon('it is missed', async () => (await world.vm('vanished'))?.status?.phase === 'Missing')
    await world.untilCondition('vanished', 'Ready', 'False', 'VMMissing')
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
    const name = await press(world, 'vanished', 'Clone')
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.message).toBe('The VM was cloned and is ready.')
    expect((await world.untilReady('vanished')).status?.vmid).toBe(vm.status?.vmid)
  }, 60_000)

  describe('is refused', () => {
    it('while another one is under way', async () => {
      await born('busy')
      const { durations } = world.simulator.world.spec
      const { shutdownMs } = durations
      durations.shutdownMs = 40_000
      try {
        const first = await press(world, 'busy', 'Shutdown')
        await until('it is begun', async () => (await commandNamed(world, first))?.status?.upid)
        const second = await finished(world, await press(world, 'busy', 'Reboot'))
        expect(`${reasonOf(second)}: ${second.status?.message}`).toBe(`AnotherCommand: Another command is under way: Shutdown (${first}).`)
        expect((await finished(world, first)).status?.phase).toBe('Succeeded')
      } finally {
        durations.shutdownMs = shutdownMs
      }
    }, 60_000)

    it('while PVE holds a lock', async () => {
      const vm = (await world.vm('busy'))!
      admin.lock(vm, 'backup')
      const command = await finished(world, await press(world, 'busy', 'Start'))
      expect(`${reasonOf(command)}: ${command.status?.message}`).toBe(
        'VMLocked: PVE holds the lock "backup" on the VM; try again when it is gone.',
      )
      admin.lock(vm, undefined)
    }, 60_000)

    it('when there is no such VM', async () => {
      const command = await finished(world, await press(world, 'nobody', 'Start'))
      expect(`${reasonOf(command)}: ${command.status?.message}`).toBe('VMNotFound: There is no ProxmoxVM "nobody" in this namespace.')
    }, 60_000)

    it('when the VM is being deleted; the finished ones go with it', async () => {
      const vm = await born('leaving')
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
    }, 60_000)
  })

  describe('runs once', () => {
    const posts = (vmid: number | undefined, what: string) =>
      world.requests().filter((line) => line.startsWith('POST') && line.endsWith(`/qemu/${vmid}/status/${what}`)).length

    it.each(['before', 'after'] as const)(
      'when the answer of PVE is lost %s the effect',
      async (drop) => {
        const vm = await born(`lost-${drop}`)
        world.simulator.requests.reset()
        world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/status/reboot', match: { vmid: vm.status?.vmid }, drop }], [])
        const name = await press(world, `lost-${drop}`, 'Reboot')
        await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt, { seconds: 60 })
        expect((await commandNamed(world, name))?.status).toMatchObject({ phase: 'Succeeded', message: 'The guest was rebooted.' })
        const tasks = world.simulator.world.tasks
          .onNode(vm.status?.node ?? '')
          .filter(({ type, id }) => type === 'qmreboot' && id === String(vm.status?.vmid))
        expect(tasks).toHaveLength(1)
        await until('it runs', () => admin.isRunning(vm))
      },
      90_000,
    )

    it.each(['before', 'after'] as const)(
      'when the operator is killed %s each of its writes',
      async (when) => {
        const vm = await born(`killed-${when}`)
        for (let index = 0; index < 2; index++) {
          world.simulator.requests.reset()
          let seen = 0
          const death = world.operator!.wire.dieAt((write) => write.what.endsWith('/status/reboot') && seen++ === 0, when)
          const name = await press(world, `killed-${when}`, 'Reboot')
          await death
          await world.killOperator()
          await world.startOperator()
          await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt, { seconds: 60 })
          expect((await commandNamed(world, name))?.status?.phase).toBe('Succeeded')
          const tasks = world.simulator.world.tasks
            .onNode(vm.status?.node ?? '')
            .filter(({ type, id }) => type === 'qmreboot' && id === String(vm.status?.vmid))
          expect(tasks).toHaveLength(index + 1)
          await until('it runs', () => admin.isRunning(vm))
        }
      },
      120_000,
    )

    it('over many restarts of the operator', async () => {
      const vm = await born('restarts')
      const name = await press(world, 'restarts', 'Reboot')
      for (let turn = 0; turn < 3; turn++) {
        await world.stopOperator()
        await world.startOperator()
      }
      expect((await finished(world, name)).status?.phase).toBe('Succeeded')
      const tasks = world.simulator.world.tasks
        .onNode(vm.status?.node ?? '')
        .filter(({ type, id }) => type === 'qmreboot' && id === String(vm.status?.vmid))
      expect(tasks).toHaveLength(1)
      world.simulator.requests.reset()
      await world.stopOperator()
      await world.startOperator()
      await world.untilReady('restarts')
      expect(posts(vm.status?.vmid, 'reboot')).toBe(0)
    }, 90_000)

    it('and not on another VM of the same name', async () => {
      await born('reborn')
      const { durations } = world.simulator.world.spec
      const { shutdownMs } = durations
      durations.shutdownMs = 60_000
      const name = await press(world, 'reborn', 'Shutdown')
      await until('it is begun', async () => (await commandNamed(world, name))?.status?.upid)
      await world.stopOperator()
      durations.shutdownMs = shutdownMs
      const old = (await world.vm('reborn'))!
      await world.delete('reborn')
      await world.edit('reborn', { metadata: { finalizers: null } })
      await world.untilGone('reborn')
      await world.apply('reborn')
      await world.startOperator()
      const ended = await finished(world, name)
      expect(`${reasonOf(ended)}: ${ended.status?.message}`).toBe(
        'VMNotFound: The VM it was taken up for is gone; this is another one of the same name.',
      )
      const vm = await world.untilReady('reborn')
      expect(vm.status?.vmid).not.toBe(old.status?.vmid)
      expect(admin.isRunning(vm)).toBe(true)
    }, 90_000)
  })

  it('is deleted after ttlSecondsAfterFinished, and kept without one', async () => {
    const kept = await press(world, 'power', 'SetNetwork')
    const gone = await press(world, 'power', 'SetNetwork', { ttlSecondsAfterFinished: 3600 })
    const atOnce = await press(world, 'power', 'SetNetwork', { ttlSecondsAfterFinished: 0 })
    await finished(world, kept)
    await finished(world, gone)
    await until('it is gone at once', async () => (await commandNamed(world, atOnce)) === undefined)
    world.clock.skip(3_601_000)
    await until('it is gone', async () => (await commandNamed(world, gone)) === undefined)
    expect(await commandNamed(world, kept)).toBeDefined()
  }, 60_000)

  it('cannot be changed', async () => {
    const name = await press(world, 'power', 'SetNetwork')
    await expect(
      world.client.mergePatch(proxmoxVMCommands, { namespace: world.namespace, name }, { spec: { command: 'Stop' } }),
    ).rejects.toThrow('a command runs once and cannot be changed')
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
  }, 90_000)
})
