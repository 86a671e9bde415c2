import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { lookAnnotation } from '../../src/api/group.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

const base = { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } }
const disk = (name: string, size: string, more: object = {}) => ({ name, size, storage: 'local-lvm', removalPolicy: 'Delete', ...more })

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

const born = (name: string, disks: object[]) => world.born(name, { package: { ...base, additionalDisks: disks } })
const pack = (name: string, patch: object) => world.edit(name, { spec: { package: patch } })
const look = (name: string, at: string) => world.edit(name, { metadata: { annotations: { [lookAnnotation]: at } } })
const said = async (name: string) => world.condition(await world.vm(name), 'PackageApplied')?.message ?? ''

describe('one obstacle in a change of package', () => {
  it('a protected VM: its disk stays and is told, the rest is applied; without protection it goes', async () => {
    const vm = await born('guarded', [disk('data', '10Gi')])
    await admin.set(vm, { protection: 1 })
    await pack('guarded', { cpu: { limit: '1' }, systemDisk: { size: '25Gi' }, additionalDisks: [] })
    const kept = await world.untilCondition('guarded', 'PackageApplied', 'False', 'DiskKept')
    await world.untilReady('guarded')
    expect(admin.config(kept)).toMatchObject({ cpulimit: '1', scsi0: expect.stringContaining('size=25G'), scsi1: expect.any(String) })
    expect(await said('guarded')).toContain('disk data (scsi1) was not removed, because the VM is protected in PVE')

    await admin.set(vm, { protection: 0 })
    await look('guarded', '1')
    await until('the disk is gone', () => admin.config(vm)['scsi1'] === undefined && admin.config(vm)['unused0'] === undefined)
    await world.untilCondition('guarded', 'PackageApplied', 'True')
  })

  it('a snapshot: the disk is detached and its data kept until the snapshot goes, beside a disk that does not shrink', async () => {
    const vm = await born('held', [disk('data', '10Gi')])
    await admin.call('POST', vm, '/snapshot', { snapname: 'before' })
    await until('it is taken', () => admin.guest(vm).snapshots.has('before') && admin.guest(vm).lock === undefined)
    await pack('held', { cpu: { units: 50 }, systemDisk: { size: '10Gi' }, additionalDisks: [] })
    await until('it is told', async () => (await said('held')).includes('disk data'))
    await world.untilReady('held')
    expect(admin.config(vm)).toMatchObject({ cpuunits: '50', unused0: expect.stringContaining('disk') })
    expect(await said('held')).toContain('system disk (scsi0) has 20Gi and does not shrink to 10Gi')
    expect(await said('held')).toContain('disk data (unused0) was detached; its data stays until the last snapshot of the VM is deleted')

    await admin.call('DELETE', vm, '/snapshot/before')
    await until('it is gone', () => admin.guest(vm).snapshots.size === 0 && admin.guest(vm).lock === undefined)
    await look('held', '1')
    await until('the data is gone', () => admin.config(vm)['unused0'] === undefined)
  })

  it('a storage that is off: its disks wait and are told, the others and all else are applied, and it is asked for again', async () => {
    const vm = await born('split', [disk('data', '10Gi', { storage: 'ceph' })])
    const ceph = world.simulator.world.storage.definitions.get('ceph')!
    ceph.disabled = true
    world.simulator.requests.reset()
    await pack('split', {
      cpu: { cores: 2 },
      systemDisk: { size: '25Gi' },
      additionalDisks: [disk('data', '20Gi', { storage: 'ceph' }), disk('more', '5Gi', { storage: 'ceph' }), disk('logs', '5Gi')],
    })
    await until('it is told', async () => (await said('split')).includes('All else is applied.'))
    const now = await world.untilCondition('split', 'Ready', 'False')
    expect(await said('split')).toMatch(/Disk data: PVE refused disk data \(scsi1\) 10Gi → 20Gi: storage 'ceph' is disabled\./)
    expect(await said('split')).toMatch(
      /Disk more: PVE refused .*: storage 'ceph' is disabled\.|Disk more wants storage "ceph", which .* is disabled there;/,
    )
    expect(await said('split')).toContain('Takes effect only at the next start from off: cores.')
    expect(world.condition(now, 'Ready')?.reason).toBe('InvalidForPVE')
    const logs = now.status?.disks?.find(({ name }) => name === 'logs')?.key ?? ''
    expect(admin.config(vm)).toMatchObject({ cores: '1', scsi0: expect.stringContaining('size=25G'), [logs]: expect.any(String) })
    // Off, it could not be started again while the storage is away.
    expect(admin.isRunning(vm)).toBe(true)
    expect([...admin.guest(vm).pending.keys()]).toEqual(['cores'])
    expect(await outcomeOf(world, 'split', 'ChangePackage')).toMatch(/^Failed.*storage 'ceph' is disabled.*All else is applied.$/)
    expect(admin.isRunning(vm)).toBe(true)

    ceph.disabled = false
    world.clock.skip(300_000)
    await world.untilReady('split')
    expect(admin.config(vm)).toMatchObject({ cores: '2', scsi1: expect.stringContaining('size=20G') })
    expect(admin.isRunning(vm)).toBe(true)
    await world.untilCondition('split', 'PackageApplied', 'True')
  })
})
