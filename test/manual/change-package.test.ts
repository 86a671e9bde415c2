import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { vmPackages } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'
import { eventsOf } from './seen.ts'

const shutdown = 'POST /nodes/{node}/qemu/{vmid}/status/shutdown'
const base = { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } }

describe('a change of package', () => {
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

  const pack = (name: string, patch: object) => world.edit(name, { spec: { package: patch } })
  const powerWrites = () =>
    world
      .writes()
      .filter((line) => line.includes('/status/'))
      .map((line) => line.split('/').at(-1))
  const ipset = (vm: ProxmoxVM) =>
    world.simulator.world.firewall.get(vm.status?.vmid ?? 0)?.ipsets['ipfilter-net0']?.entries.map(({ cidr }) => cidr) ?? []

  it('by an inline edit is shown whole, with the stop it needs, before anything is done', async () => {
    const vm = await world.born('inline')
    const letGo = hold(world, shutdown, vm.status?.vmid)
    world.simulator.requests.reset()
    const from = world.operator!.wire.writes.length
    await pack('inline', { cpu: { cores: 4 }, memory: { size: '2Gi' } })
    const shown = await world.untilCondition('inline', 'PackageApplied', 'False', 'ChangingPackage')
    await until('the shutdown is noted', async () => (await world.vm('inline'))?.status?.change?.wasRunning)
    letGo()
    const { message } = world.condition(shown, 'PackageApplied')!
    expect(message).toContain('cores 1 → 4')
    expect(message).toContain('memory 1024 → 2048')
    expect(message).toContain('The operator shuts the VM down for this and starts it again.')
    expect(shown.status).toMatchObject({ localStatus: 'change_package', phase: 'Changing' })
    const now = await world.untilReady('inline')
    const writes = world.operator!.wire.writes.slice(from)
    const firstToPve = writes.findIndex((write) => write.to === 'pve')
    expect(writes.slice(0, firstToPve).map((write) => write.what)).toContain('PUT proxmoxvms/status')
    expect(powerWrites()).toEqual(['shutdown', 'start'])
    expect(admin.config(now)).toMatchObject({ cores: '4', memory: '2048' })
    expect(admin.guest(vm).pending.size).toBe(0)
    expect(now.status).toMatchObject({ localStatus: 'ready', progress: '12/12', phase: 'Running', package: { cpu: { cores: 4 } } })
    expect(now.status?.change).toBeUndefined()
    expect(world.condition(now, 'PackageApplied')?.status).toBe('True')
    await until('both are told', async () => {
      const reasons = (await eventsOf(world, 'inline')).map((event) => event.reason)
      return reasons.includes('PackageChanging') && reasons.includes('PackageChanged')
    })
  })

  it('that PVE takes live stops nothing', async () => {
    const vm = await world.born('live', { package: { ...base, cpu: { cores: 2, limit: '1' } } })
    world.simulator.requests.reset()
    await pack('live', {
      cpu: { limit: '1500m', units: 50 },
      network: { rateMbit: 80, bridge: 'vmbr1', vlan: 30 },
      systemDisk: { size: '25Gi' },
    })
    await world.untilReady('live')
    expect(powerWrites()).toEqual([])
    expect(admin.config(vm)).toMatchObject({ cpulimit: '1.5', cpuunits: '50' })
    expect(admin.config(vm).net0).toBe(`virtio=${vm.status?.interfaces?.[0]?.macAddress},bridge=vmbr1,rate=10,tag=30`)
    expect(admin.config(vm).scsi0).toContain('size=25G')
    expect((await world.vm('live'))?.status?.interfaces?.[0]).toMatchObject({ bridge: 'vmbr1', vlan: 30 })
  })

  it('lifts limits by 0 and untags by VLAN 0', async () => {
    const vm = (await world.vm('live'))!
    await pack('live', { cpu: { limit: 0 }, network: { rateMbit: 0, vlan: 0 } })
    await world.untilReady('live')
    expect(admin.config(vm)).not.toHaveProperty('cpulimit')
    expect(admin.config(vm).net0).toBe(`virtio=${vm.status?.interfaces?.[0]?.macAddress},bridge=vmbr1`)
  })

  it('of a VM that is off is applied without starting it; by the command it is started in any case', async () => {
    const vm = await world.born('resting')
    expect(await outcomeOf(world, 'resting', 'Stop')).toContain('Succeeded')
    await world.untilReady('resting')
    await pack('resting', { memory: { size: '2Gi' } })
    await until('it is applied', () => admin.config(vm).memory === '2048')
    await world.untilCondition('resting', 'Ready', 'True', 'Stopped')
    expect(admin.isRunning(vm)).toBe(false)
    expect(await outcomeOf(world, 'resting', 'ChangePackage')).toBe('Succeeded: The VM has the newest version of its package.')
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('refuses a smaller disk, applies the rest, and does not stop the VM for it', async () => {
    const vm = await world.born('shrink', { package: { ...base, additionalDisks: [{ name: 'data', size: '10Gi' }] } })
    world.simulator.requests.reset()
    await pack('shrink', { cpu: { limit: '1' }, systemDisk: { size: '10Gi' }, additionalDisks: [{ name: 'data', size: '5Gi' }] })
    const now = await world.untilCondition('shrink', 'PackageApplied', 'False', 'DiskShrinkRefused')
    expect(world.condition(await world.untilReady('shrink'), 'Ready')?.status).toBe('True')
    expect(world.condition(now, 'PackageApplied')?.message).toContain('system disk (scsi0) has 20Gi and does not shrink to 10Gi')
    expect(world.condition(now, 'PackageApplied')?.message).toContain('disk data (scsi1) has 10Gi and does not shrink to 5Gi')
    expect(admin.config(vm)).toMatchObject({ cpulimit: '1' })
    expect(powerWrites()).toEqual([])
    expect(world.writes().some((line) => line.endsWith('/resize'))).toBe(false)
    world.simulator.requests.reset()
    await pack('shrink', { systemDisk: { size: '11Gi' } })
    await until('it is judged', async () => world.condition(await world.vm('shrink'), 'PackageApplied')?.message.includes('11Gi'))
    expect(world.writes()).toEqual([])
  })

  it('adds, grows, keeps and deletes additional disks', async () => {
    const disk = (name: string, size: string, more: object = {}) => ({ name, size, storage: 'local-lvm', ...more })
    const vm = await world.born('disks', {
      package: { ...base, additionalDisks: [disk('a', '1Gi'), disk('b', '1Gi', { removalPolicy: 'Delete' })] },
    })
    const volumeOf = (key: string) => admin.config(vm)[key]?.split(',')[0]?.split(':')[1]
    const volumes = () => world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0).map((volume) => volume.name)
    const [a, b] = [volumeOf('scsi1'), volumeOf('scsi2')]
    await pack('disks', {
      additionalDisks: [
        disk('a', '2Gi'),
        disk('b', '1Gi', { removalPolicy: 'Delete' }),
        disk('c', '3Gi', { bandwidth: { readIOPS: 100 } }),
      ],
    })
    await until('disk c is there', () => admin.config(vm).scsi3)
    await world.untilReady('disks')
    expect(admin.config(vm).scsi1).toContain('size=2G')
    expect(admin.config(vm).scsi3).toMatch(/iops_rd=100.*size=3G/)
    expect(volumes()).toContain(b)

    await pack('disks', { additionalDisks: [disk('c', '3Gi', { bandwidth: { readIOPS: 0 } })] })
    await until('b is gone', () => !volumes().includes(b ?? ''))
    const now = await world.untilCondition('disks', 'PackageApplied', 'False', 'DiskKept')
    await world.untilReady('disks')
    expect(world.condition(now, 'PackageApplied')?.message).toContain('a (scsi1)')
    expect(volumes()).toContain(a)
    expect(admin.config(vm)).not.toHaveProperty('scsi2')
    expect(Object.keys(admin.config(vm)).filter((key) => key.startsWith('unused'))).toEqual([])
    expect(admin.config(vm).scsi3).not.toContain('iops_rd')
  })

  it('by another packageRef takes that package, and an edited VMPackage alone changes nothing but the condition', async () => {
    const small = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' } })
    const large = await world.package({ cpu: { cores: 2 }, memory: { size: '2Gi' } })
    const vm = await world.born('byref', { packageRef: { name: small }, package: { network: { bridge: 'vmbr0' } } })
    await world.edit('byref', { spec: { packageRef: { name: large } } })
    await until('it is applied', () => admin.config(vm).memory === '2048')
    expect((await world.untilReady('byref')).status?.packageSource).toMatchObject({ name: large, generation: 1 })
    expect(admin.isRunning(vm)).toBe(true)

    world.simulator.requests.reset()
    await world.client.mergePatch(vmPackages, { name: large }, { spec: { memory: { size: '3Gi' } } })
    const now = await world.untilCondition('byref', 'PackageApplied', 'False', 'PackageOutdated')
    expect(world.condition(now, 'Ready')?.status).toBe('True')
    // Neither a thorough look nor an inline edit takes it.
    await pack('byref', { cpu: { limit: '1' } })
    await until('the edit is applied', () => admin.config(vm).cpulimit === '1')
    await world.untilReady('byref')
    expect(world.condition(await world.vm('byref'), 'PackageApplied')?.reason).toBe('PackageOutdated')
    expect(admin.config(vm).memory).toBe('2048')
    expect(powerWrites()).toEqual([])

    expect(await outcomeOf(world, 'byref', 'ChangePackage')).toBe('Succeeded: The VM has the newest version of its package.')
    expect(admin.config(vm).memory).toBe('3072')
    expect((await world.vm('byref'))?.status?.packageSource).toMatchObject({ generation: 2, spec: { memory: { size: '3Gi' } } })
    expect(powerWrites()).toEqual(['shutdown', 'start'])
  })

  it('by command fails, and keeps the package in force, when the VMPackage is gone', async () => {
    const gone = await world.package({ memory: { size: '1Gi' } })
    const vm = await world.born('kept', { packageRef: { name: gone }, package: { network: { bridge: 'vmbr0' } } })
    await world.client.delete(vmPackages, { name: gone })
    await until('the operator knows', () => world.operator?.operator.stores.packages.get(gone) === undefined)
    expect(await outcomeOf(world, 'kept', 'ChangePackage')).toContain(`Failed: There is no VMPackage "${gone}"`)
    await pack('kept', { cpu: { limit: '1' } })
    await until('edits are applied all the same', () => admin.config(vm).cpulimit === '1')
    expect((await world.untilReady('kept')).status?.packageSource?.name).toBe(gone)
  })

  it('adds and removes addresses: the new one in the set before the old one goes, which is free only then', async () => {
    const pool = await world.pool(aV4Pool())
    const entry = (name: string, address: string) => ({ name, poolRef: { name: pool }, address })
    const vm = await world.born('moving', { package: vpsM, addresses: [entry('main', '203.0.113.20'), entry('more', '203.0.113.21')] })
    expect(ipset(vm).toSorted()).toEqual(['203.0.113.20', '203.0.113.21'])
    world.simulator.requests.reset()
    const from = world.operator!.wire.writes.length
    await world.edit('moving', { spec: { addresses: [entry('main', '203.0.113.30'), entry('extra', '203.0.113.31')] } })
    await until('the old ones are free', async () => {
      const held = (await world.addresses(pool)).filter((address) => address.spec.claimRef).map(({ spec }) => spec.address)
      return held.toSorted().join() === '203.0.113.30,203.0.113.31'
    })
    const now = await world.untilReady('moving')
    expect(admin.config(vm).ipconfig0).toContain('203.0.113.30/24')
    expect(ipset(vm).toSorted()).toEqual(['203.0.113.30', '203.0.113.31'])
    expect(now.status?.addresses?.map(({ name, address }) => `${name} ${address}`)).toEqual(['main 203.0.113.30', 'extra 203.0.113.31'])
    const writes = world.operator!.wire.writes.slice(from).map((write) => write.what)
    const set = '/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}'
    expect(writes.lastIndexOf(`POST ${set}`)).toBeLessThan(writes.indexOf(`DELETE ${set}/{cidr}`))
    expect(writes.lastIndexOf('PUT pooladdresses')).toBeGreaterThan(writes.lastIndexOf(`DELETE ${set}/{cidr}`))
    expect(powerWrites()).toEqual(['shutdown', 'start'])
  })

  it('of cloud-init on a running VM says when it takes effect, until the VM was off', async () => {
    const vm = await world.born('cloudy', { cloudInit: { user: 'admin' } })
    await world.edit('cloudy', { spec: { cloudInit: { user: 'root2' } } })
    const now = await world.untilCondition('cloudy', 'CloudInitConfigured', 'True', 'RestartRequired')
    expect(world.condition(now, 'CloudInitConfigured')?.message).toBe('The guest gets these only at its next start from off: user.')
    expect(admin.config(vm).ciuser).toBe('root2')
    await world.untilReady('cloudy')
    await pack('cloudy', { cpu: { limit: '1' } })
    await until('another edit is applied', () => admin.config(vm).cpulimit === '1')
    expect(world.condition(await world.untilReady('cloudy'), 'CloudInitConfigured')?.reason).toBe('RestartRequired')
    expect(await outcomeOf(world, 'cloudy', 'Stop')).toContain('Succeeded')
    expect(await outcomeOf(world, 'cloudy', 'Start')).toContain('Succeeded')
    const after = await world.untilCondition('cloudy', 'CloudInitConfigured', 'True', 'Succeeded')
    expect(world.condition(after, 'CloudInitConfigured')?.message).toBe('')
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('is overtaken by a newer edit of the spec: the newest wins', async () => {
    const vm = await world.born('newest')
    const letGo = hold(world, shutdown, vm.status?.vmid)
    await pack('newest', { memory: { size: '2Gi' } })
    await until('it is being shut down', () => world.writes().some((line) => line.endsWith(`/qemu/${vm.status?.vmid}/status/shutdown`)))
    await pack('newest', { memory: { size: '3Gi' }, cpu: { cores: 2 } })
    letGo()
    const now = await world.untilReady('newest')
    expect(admin.config(now)).toMatchObject({ memory: '3072', cores: '2' })
    expect(admin.guest(vm).pending.size).toBe(0)
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('that is taken back before it is finished ends with the old package', async () => {
    const vm = (await world.vm('newest'))!
    const letGo = hold(world, shutdown, vm.status?.vmid)
    await pack('newest', { memory: { size: '1Gi' } })
    await until('it is begun', async () => (await world.vm('newest'))?.status?.change)
    await pack('newest', { memory: { size: '3Gi' } })
    letGo()
    await world.untilReady('newest')
    expect(admin.config(vm)).toMatchObject({ memory: '3072' })
    expect(admin.isRunning(vm)).toBe(true)
  })

  it('waits while PVE holds a lock, and changes nothing', async () => {
    const vm = await world.born('locked')
    admin.lock(vm, 'backup')
    world.simulator.requests.reset()
    await pack('locked', { memory: { size: '2Gi' } })
    // Nobody works under the lock: the second look tells it as one that was left behind.
    const now = await until('the lock is told', async () => {
      const seen = await world.vm('locked')
      return /^(Locked|StuckLock)$/.test(world.condition(seen, 'Ready')?.reason ?? '') && seen
    })
    expect(now.status?.remoteLock).toBe('backup')
    expect(world.writes()).toEqual([])
    admin.lock(vm, undefined)
    await admin.soon('it is applied', () => admin.config(vm).memory === '2048')
    await world.untilReady('locked')
    expect(admin.isRunning(vm)).toBe(true)
  })
})
