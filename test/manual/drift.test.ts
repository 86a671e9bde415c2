import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventsOf } from './seen.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

describe('what an admin changed in PVE', () => {
  let world: TestWorld
  let admin: Admin
  let vm: ProxmoxVM
  let before: Record<string, string>

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
    const pool = await world.pool(aV4Pool())
    await world.apply('drifting', { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }] })
    vm = await world.untilReady('drifting')
    before = admin.config(vm)
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  /** A person asks for a thorough look. */
  const look = async () => {
    world.simulator.requests.reset()
    await world.edit('drifting', { metadata: { annotations: { touched: `${performance.now()}` } } })
    await until('it is looked at', () => world.requests().some((line) => line.endsWith(`/qemu/${vm.status?.vmid}/pending`)))
  }

  it('is put back where PVE takes it live, with an event that shows the difference', async () => {
    await admin.set(vm, { cpulimit: 8, onboot: 0, net0: `virtio=${vm.status?.interfaces?.[0]?.macAddress},bridge=vmbr1` })
    await look()
    await until('it is put back', () => ['net0', 'cpulimit', 'onboot'].every((key) => admin.config(vm)[key] === before[key]))
    expect(admin.config(vm).onboot).toBe('1')
    const told = await until('it is told', async () =>
      (await eventsOf(world, 'drifting')).find((event) => event.reason === 'DriftRepaired'),
    )
    expect(told.note).toContain('cpulimit 8 → 1.5')
    expect(told.note).toContain('onboot 0 → 1')
    const now = await world.untilReady('drifting')
    expect(now.status).toMatchObject({ localStatus: 'ready', phase: 'Running' })
    expect(admin.isRunning(vm)).toBe(true)
  })

  /** Nothing looks meanwhile: a pass in between would put back what is still being changed. */
  const unseen = async (change: () => Promise<void>) => {
    const pause = (isPaused: 'true' | null) => world.edit('drifting', { metadata: { annotations: { 'pve.hosting/paused': isPaused } } })
    await pause('true')
    await world.untilCondition('drifting', 'Paused', 'True')
    await change()
    await pause(null)
    await until('it is looked after again', async () => world.condition(await world.vm('drifting'), 'Paused') === undefined)
  }

  it('is found by the audit, without anybody asking', async () => {
    await admin.set(vm, { cpulimit: 8 })
    await admin.soon('it is put back', () => admin.config(vm).cpulimit === before.cpulimit)
  })

  it('is reported where it needs a stop, and the VM is not stopped for it', async () => {
    await unseen(async () => {
      await admin.set(vm, { memory: 3072 })
      await admin.stop(vm)
      await admin.start(vm)
    })
    expect(admin.config(vm).memory).toBe('3072')
    await look()
    const now = await world.untilCondition('drifting', 'RestartRequired', 'True')
    expect(world.condition(now, 'RestartRequired')?.message).toContain('memory')
    expect(world.condition(await world.untilReady('drifting'), 'Ready')?.status).toBe('True')
    expect(admin.isRunning(vm)).toBe(true)
    expect(world.writes().some((line) => line.includes('/status/'))).toBe(false)
  })

  it('is applied at the next stop, whoever stops the VM', async () => {
    expect(await outcomeOf(world, 'drifting', 'Shutdown')).toBe('Succeeded: The guest shut down.')
    expect(admin.config(vm).memory).toBe('4096')
    await world.untilCondition('drifting', 'RestartRequired', 'False')
    expect(await outcomeOf(world, 'drifting', 'Start')).toBe('Succeeded: PVE started the VM.')
  })

  it('is applied by ChangePackage, which stops the VM for it', async () => {
    await unseen(async () => {
      await admin.set(vm, { memory: 3072 })
      await admin.stop(vm)
      await admin.start(vm)
    })
    await look()
    await world.untilCondition('drifting', 'RestartRequired', 'True')
    expect(await outcomeOf(world, 'drifting', 'ChangePackage')).toContain('Succeeded')
    expect(admin.config(vm).memory).toBe('4096')
    expect(admin.guest(vm).pending.size).toBe(0)
    expect(admin.isRunning(vm)).toBe(true)
    await world.untilCondition('drifting', 'RestartRequired', 'False')
  })

  it('survives where it is none of ours: foreign firewall rules, tags and description text', async () => {
    const { description, tags } = admin.config(vm)
    await admin.call('POST', vm, '/firewall/rules', { type: 'in', action: 'ACCEPT', source: '192.0.2.9', enable: 1, comment: 'monitoring' })
    await admin.set(vm, { tags: `${tags};vip`, description: `Call Bob first.\n${description}\nRack 7` })
    await look()
    const rules = () => world.simulator.world.firewall.get(vm.status?.vmid ?? 0)?.rules.map((rule) => rule.comment ?? '') ?? []
    await until('our block is on top again', () => rules().at(-1) === 'monitoring')
    expect(rules()).toHaveLength(5)
    await world.untilReady('drifting')
    expect(admin.config(vm).tags).toContain('vip')
    expect(admin.config(vm).description).toContain('Call Bob first.')
    expect(admin.config(vm).description).toContain('Rack 7')
  })

  it('is left alone while the object is paused', async () => {
    await world.edit('drifting', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
    await world.untilCondition('drifting', 'Paused', 'True')
    await admin.set(vm, { cpulimit: 8 })
    world.simulator.requests.reset()
    for (let turn = 0; turn < 10; turn++) world.clock.skip(20_000)
    await until('PVE was listed', () => world.requests().some((line) => line.includes('/cluster/resources')))
    expect(admin.config(vm).cpulimit).toBe('8')
    await world.edit('drifting', { metadata: { annotations: { 'pve.hosting/paused': null } } })
    await until('it is put back', () => admin.config(vm).cpulimit === before.cpulimit)
  })

  it('is followed where it is a disk of the package at another slot: no empty one is made in its place', async () => {
    const volume = (await world.vm('drifting'))?.status?.disks?.find(({ name }) => name === 'data')?.volume ?? ''
    await unseen(async () => {
      await admin.set(vm, { delete: 'scsi1' })
      await admin.set(vm, { scsi5: volume })
    })
    await look()
    const followed = await until('it is followed', async () => {
      const disk = (await world.vm('drifting'))?.status?.disks?.find(({ name }) => name === 'data')
      return disk?.key === 'scsi5' ? disk : undefined
    })
    expect(followed.volume).toBe(volume)
    await until('its limits are put back', () => admin.config(vm)['scsi5']?.includes('mbps_rd=80') === true)
    await world.untilReady('drifting')
    expect(admin.config(vm)['scsi1']).toBeUndefined()
  })
})
