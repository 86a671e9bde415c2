import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, outcomeOf, press, reasonOf, turnOff } from './buttons.ts'

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

  describe('that brings one setting to the package', () => {
    beforeAll(async () => {
      await world.born('rungs', { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }], cloudInit: { user: 'admin' } })
    })

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
    })

    it.each(['SetCPURAM', 'SetCloudInit', 'Remove'] as const)('%s is refused on a running VM and does not stop it', async (command) => {
      expect(await outcomeOf(world, 'rungs', command)).toBe(
        'Failed: The VM runs, and this command needs a VM that is off: shut the VM down first.',
      )
      expect(admin.isRunning(await world.vm('rungs'))).toBe(true)
    })

    it.each<[CommandName, Record<string, string | number>, string]>([
      ['SetCPURAM', { cores: 1 }, 'cores'],
      ['SetSystemDiskBandwidth', {}, 'scsi0'],
      ['SetAdditionalDiskBandwidth', {}, 'scsi1'],
      ['SetNetwork', {}, 'net0'],
      ['SetCloudInit', { ciuser: 'mallory' }, 'ciuser'],
    ])('%s puts back what an admin changed', async (command, values, key) => {
      await turnOff(world, admin, 'rungs')
      const vm = (await world.vm('rungs'))!
      const was = admin.config(vm)[key] ?? ''
      const changed = Object.keys(values).length > 0 ? values : { [key]: was.replace(/,(mbps_rd|rate)=[^,]*/, '') }
      expect(`${changed[key]}`).not.toBe(was)
      // The operator may see it before the button does, and puts it back as well.
      await admin.set(vm, changed)
      expect(await outcomeOf(world, 'rungs', command)).toMatch(/^Succeeded/)
      expect(admin.config(vm)[key]).toBe(was)
      expect(admin.isRunning(vm)).toBe(false)
    })

    it('SetFirewall adds what is missing', async () => {
      const vm = (await world.vm('rungs'))!
      await admin.call('DELETE', vm, '/firewall/rules/0')
      expect(await outcomeOf(world, 'rungs', 'SetFirewall')).toMatch(/^Succeeded/)
      expect(world.simulator.world.firewall.get(vm.status?.vmid ?? 0)?.rules).toHaveLength(4)
    })

    it('SetCreatedAdditionalDisk makes a disk that is gone', async () => {
      await turnOff(world, admin, 'rungs')
      const vm = (await world.vm('rungs'))!
      const volumes = () => world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0)
      const before = volumes()
      // The operator may see it before the button does, and makes it as well.
      await admin.call('PUT', vm, '/config', { delete: 'scsi1', force: 1 })
      expect(before.some((volume) => !volumes().includes(volume))).toBe(true)
      expect(await outcomeOf(world, 'rungs', 'SetCreatedAdditionalDisk')).toMatch(/^Succeeded/)
      expect(admin.config(vm).scsi1).toContain('size=100G')
    })

    it('SetSystemDiskSize reports a disk that is larger than the package', async () => {
      const vm = (await world.vm('rungs'))!
      await admin.call('PUT', vm, '/resize', { disk: 'scsi0', size: '50G' })
      const command = await finished(world, await press(world, 'rungs', 'SetSystemDiskSize'))
      expect([command.status?.phase, reasonOf(command)]).toEqual(['Failed', 'DiskShrinkRefused'])
    })

    it('fails with the words of the task, and is not repeated; the VM goes on by itself', async () => {
      await world.born('unlucky')
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
      // The pauses between tries grow; the clock passes over them.
      await admin.soon('the VM goes on by itself', async () => {
        world.clock.skip(5_000)
        return admin.config(await world.vm('unlucky')).scsi0?.includes('size=30G')
      })
    })

    it('fails with the words with which PVE refuses it', async () => {
      const vm = await world.born('forbidden')
      const reason = `Permission check failed (/vms/${vm.status?.vmid}, VM.Config.Disk)`
      world.simulator.faults.add([{ route: 'PUT /nodes/{node}/qemu/{vmid}/resize', times: 'always', status: 403, reason } as never], [])
      try {
        await world.edit('forbidden', { spec: { package: { systemDisk: { size: '30Gi' } } } })
        await world.untilCondition('forbidden', 'Stalled', 'True', 'PermissionDenied')
        const command = await finished(world, await press(world, 'forbidden', 'SetSystemDiskSize'))
        expect(`${reasonOf(command)}: ${command.status?.message}`).toBe(`PermissionDenied: ${reason}`)
      } finally {
        world.simulator.faults.reset()
      }
    })

    it('says what it waits for while PVE does not answer for the VM', async () => {
      const vm = await world.born('silent')
      const fault = { match: { vmid: vm.status?.vmid }, times: 'always', status: 500, reason: 'no answer of this node' }
      world.simulator.faults.add([{ route: 'GET /nodes/{node}/qemu/{vmid}/status/current', ...fault } as never], [])
      try {
        const command = await press(world, 'silent', 'Stop')
        await until(
          'it says so',
          async () => (await commandNamed(world, command))?.status?.message === 'no answer of this node. The operator retries.',
        )
      } finally {
        world.simulator.faults.reset()
      }
    })

    it('fails not for the lock that PVE itself holds for a moment', async () => {
      const vm = await world.born('cleaned-up')
      const exitstatus = `can't lock file '/var/lock/qemu-server/lock-${vm.status?.vmid}.conf' - got timeout`
      const route = 'PUT /nodes/{node}/qemu/{vmid}/resize'
      world.simulator.faults.add([{ route, times: 'always', task: { exitstatus, before: true } }], [])
      await world.edit('cleaned-up', { spec: { package: { systemDisk: { size: '30Gi' } } } })
      await world.untilCondition('cleaned-up', 'Ready', 'False', 'Retrying')
      const command = await press(world, 'cleaned-up', 'SetSystemDiskSize')
      await until('it waits for the lock', async () => (await commandNamed(world, command))?.status?.message?.includes('holds its lock'))
      world.simulator.faults.reset()
      const { status } = await finished(world, command)
      expect(`${status?.phase}: ${status?.message}`).toBe('Succeeded: set_system_disk_size is as the package says.')
    })

    it('SetDedicatedIP says which declared addresses it allocated and which the VM had, whatever lock PVE holds', async () => {
      admin.lock((await world.vm('rungs'))!, 'backup')
      expect(await outcomeOf(world, 'rungs', 'SetDedicatedIP')).toMatch(/^Succeeded: The VM already has 203\.0\.113\.\d+\.$/)
      admin.lock((await world.vm('rungs'))!, undefined)
      await world.born('dhcp')
      expect(await outcomeOf(world, 'dhcp', 'SetDedicatedIP')).toBe('Succeeded: The VM has no entry in spec.addresses.')
      await world.apply('poor', { addresses: [{ name: 'main', poolRef: { name: 'there-is-none' } }] })
      await world.untilCondition('poor', 'Stalled', 'True', 'PoolNotFound')
      expect(reasonOf(await finished(world, await press(world, 'poor', 'SetDedicatedIP')))).toBe('PoolNotFound')
    })
  })
})
