import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { clonesOf } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf, press } from './buttons.ts'

const nowhere = { name: 'debian-31' }

describe('a reinstall that cannot be finished', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const vmidOf = (vm: ProxmoxVM) => vm.status?.vmid ?? 0
  const ask = (name: string, reinstall: object | null) => world.edit(name, { spec: { reinstall } })
  const isWhole = (vm: ProxmoxVM) => world.simulator.world.guests.get(vmidOf(vm))?.isRunning === true && clonesOf(world, vmidOf(vm)) === 1
  const done = async (name: string, requestID: string) => {
    await until(`${requestID} is done`, async () => (await world.vm(name))?.status?.reinstall?.completedIDs?.includes(requestID))
    return await world.untilReady(name)
  }
  const protect = async (vm: ProxmoxVM, protection: 0 | 1) => await world.inPve('POST', `${world.pathOf(vm)}/config`, { protection })

  it('for want of its template deletes nothing, says so, and gives way to a newer request', async () => {
    const vm = await world.born('no-template')
    await ask('no-template', { requestID: 'r1', template: nowhere })
    const stalled = await world.untilCondition('no-template', 'Stalled', 'True', 'TemplateNotFound')
    const message = world.condition(stalled, 'Stalled')?.message
    expect(message).toContain('Reinstall r1 (template debian-31) has not begun, and nothing was deleted')
    expect(message).toContain('Write a new spec.reinstall.requestID')
    expect(isWhole(vm)).toBe(true)
    await ask('no-template', { requestID: 'r2', template: { name: 'ubuntu-24.04' } })
    const after = await done('no-template', 'r2')
    expect(after.status?.template?.name).toBe('ubuntu-24.04')
    expect(after.status?.reinstall?.completedIDs).toEqual(['r2'])
  })

  it('is withdrawn with its field', async () => {
    const vm = await world.born('withdrawn')
    await ask('withdrawn', { requestID: 'r1', template: nowhere })
    await world.untilCondition('withdrawn', 'Stalled', 'True', 'TemplateNotFound')
    await ask('withdrawn', null)
    await world.untilReady('withdrawn')
    expect(isWhole(vm)).toBe(true)
  })

  it.each([
    ['a Secret', { cloudInit: { user: 'admin', passwordSecretRef: { name: 'none', key: 'password' } } }, 'SecretNotFound'],
    ['room', { package: { systemDisk: { size: '900Ti' } } }, 'NoCapacity'],
    ['a pool', { addresses: [{ name: 'main', poolRef: { name: 'there-is-none' } }] }, 'PoolNotFound'],
  ])('for want of %s deletes nothing', async (what, spec, reason) => {
    const name = `no-${what.split(' ').at(-1)?.toLowerCase()}`
    const vm = await world.born(name)
    await world.edit(name, { spec: { ...spec, reinstall: { requestID: 'r1' } } })
    const stalled = await world.untilCondition(name, 'Stalled', 'True', reason)
    expect(world.condition(stalled, 'Stalled')?.message).toContain('Reinstall r1 has not begun')
    expect(isWhole(vm)).toBe(true)
  })

  it('while the storage of the old VM is off deletes nothing, since its volumes would stay in the way of the new one', async () => {
    const vm = await world.born('storage-off')
    world.simulator.faults.add([{ id: 'storage-off', storage: { name: 'local-lvm', state: 'off' } }], [])
    await until('the listing shows it', async () => {
      const rows = (await world.inPve('GET', '/cluster/resources')) as { storage?: string; status?: string }[]
      return rows.some(({ storage, status }) => storage === 'local-lvm' && status !== 'available')
    })
    await ask('storage-off', { requestID: 'r1' })
    const stalled = await world.untilCondition('storage-off', 'Stalled', 'True', 'StorageOff')
    expect(world.condition(stalled, 'Stalled')?.message).toContain('Storage local-lvm with disk system of VM')
    expect(clonesOf(world, vmidOf(vm))).toBe(1)
    world.simulator.faults.remove('storage-off')
    world.skip(301_000)
    await done('storage-off', 'r1')
  })

  it('while the storage of the template is off deletes nothing, also where the VM has its disks elsewhere', async () => {
    const vm = await world.born('template-off', { template: { name: 'debian-13', storage: 'ceph' } })
    world.simulator.faults.add([{ id: 'template-off', storage: { name: 'local-lvm', state: 'off' } }], [])
    await ask('template-off', { requestID: 'r1' })
    const stalled = await world.untilCondition('template-off', 'Stalled', 'True', 'StorageOff')
    expect(world.condition(stalled, 'Stalled')?.message).toMatch(
      /Storage local-lvm with the disks of template \d+ is not available on node pve\d/,
    )
    expect(isWhole(vm)).toBe(true)
    world.simulator.faults.remove('template-off')
    await done('template-off', 'r1')
  })

  it('since its template went while the request waited for a lock deletes nothing either', async () => {
    const vm = await world.born('waited')
    const { guests } = world.simulator.world
    const template = guests.get(9010)!
    world.simulator.world.setLock(vmidOf(vm), 'backup')
    await ask('waited', { requestID: 'r1', template: { name: 'ubuntu-24.04' } })
    await until(
      'it waits for the lock',
      async () =>
        (await world.vm('waited'))?.status?.reinstall?.running &&
        world.condition(await world.vm('waited'), 'Ready')?.message.includes('"backup"'),
    )
    guests.delete(9010)
    world.simulator.world.setLock(vmidOf(vm), undefined)
    await world.edit('waited', { metadata: { labels: { look: 'again' } } })
    const stalled = await world.untilCondition('waited', 'Stalled', 'True', 'TemplateNotFound')
    expect(world.condition(stalled, 'Stalled')?.message).toContain(
      'Reinstall r1 (template ubuntu-24.04) cannot go on, and nothing was deleted.',
    )
    expect(isWhole(vm)).toBe(true)
    guests.set(9010, template)
    await world.edit('waited', { metadata: { labels: { look: 'once-more' } } })
    await done('waited', 'r1')
  })

  it('while the storage of its disks is disabled deletes nothing', async () => {
    const vm = await world.born('disabled', { template: { name: 'debian-13', storage: 'ceph' } })
    const ceph = world.simulator.world.storage.definitions.get('ceph')!
    ceph.disabled = true
    await ask('disabled', { requestID: 'r1' })
    const stalled = await world.untilCondition('disabled', 'Stalled', 'True', 'StorageOff')
    expect(world.condition(stalled, 'Stalled')?.message).toMatch(/Storage ceph with disk system of VM \d+ is disabled, not for node pve\d/)
    expect(isWhole(vm)).toBe(true)
    ceph.disabled = false
    await done('disabled', 'r1')
  })

  it('is done while a storage is off that has nothing of it', async () => {
    await world.born('apart')
    world.simulator.faults.add([{ id: 'apart-off', storage: { name: 'ceph', state: 'off' } }], [])
    await ask('apart', { requestID: 'r1' })
    expect((await done('apart', 'r1')).status?.reinstall?.completedIDs).toEqual(['r1'])
    world.simulator.faults.remove('apart-off')
  })

  it('finds a volume that an earlier deletion has left in the way says how an admin deletes it, and goes on then', async () => {
    const { storage } = world.simulator.world
    const vmid = 19_500
    const leftover = {
      storage: 'local-lvm',
      node: 'pve1',
      name: `vm-${vmid}-cloudinit`,
      format: 'raw',
      sizeBytes: 4_194_304,
      content: 'images' as const,
      vmid,
    }
    storage.add(leftover)
    await world.apply('in-the-way', { vmid, placement: { node: 'pve1' } })
    const stalled = await world.untilCondition('in-the-way', 'Stalled', 'True', 'VolumeLeft')
    expect(world.condition(stalled, 'Stalled')?.message).toContain(`pvesm list STORAGE --vmid ${vmid}`)
    for (const volume of storage.ownedBy(vmid)) storage.remove(volume)
    world.skip(301_000)
    await world.untilReady('in-the-way')
  })

  it('by command fails, and the VM stays as it is', async () => {
    const vm = await world.born('pressed')
    expect(await outcomeOf(world, 'pressed', 'Reinstall', { template: nowhere })).toMatch(/^Failed: .*debian-31.* nothing was deleted/)
    expect(isWhole(vm)).toBe(true)
    await world.untilReady('pressed')
  })

  it('because PVE protects the VM does not keep it from being suspended, and is withdrawn with its field', async () => {
    const vm = await world.born('protected')
    await protect(vm, 1)
    await ask('protected', { requestID: 'r1' })
    await world.untilCondition('protected', 'Stalled', 'True', 'Protected')
    await world.edit('protected', { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } })
    await world.untilCondition('protected', 'Suspended', 'True')
    expect(world.guestOf(vm).isRunning).toBe(false)
    await world.edit('protected', { spec: { suspensions: null, reinstall: null } })
    await world.untilReady('protected')
    await until('it runs again', () => world.guestOf(vm).isRunning)
    expect(isWhole(vm)).toBe(true)
  })

  it('holds up no change of package, and asks PVE little while it waits', async () => {
    const vm = await world.born('goes-on')
    await ask('goes-on', { requestID: 'r1', template: nowhere })
    await world.untilCondition('goes-on', 'Stalled', 'True', 'TemplateNotFound')
    // Of this VM: the listings and the other VMs of this file go on beside it.
    const asked = () => world.requests().filter((line) => line.includes(`/qemu/${vmidOf(vm)}/`)).length
    const before = asked()
    expect(await outcomeOf(world, 'goes-on', 'ChangePackage')).toMatch(/^Succeeded/)
    const after = asked()
    expect(after - before).toBeLessThan(20)
    await world.edit('goes-on', { spec: { package: { cpu: { cores: 3 } } } })
    await until('it has 3 cores', () => new Admin(world).config(vm).cores === '3')
    await world.untilCondition('goes-on', 'Stalled', 'True', 'TemplateNotFound')
  })

  it('is withdrawn with its command as long as nothing is deleted', async () => {
    const vm = await world.born('regretted')
    const busy = { status: 500, reason: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout" }
    const route = 'DELETE /nodes/{node}/qemu/{vmid}'
    world.simulator.faults.add([{ id: 'busy', route, match: { vmid: vmidOf(vm) }, times: 'always', ...busy } as never], [])
    const name = await press(world, 'regretted', 'Reinstall')
    await until('PVE has refused to delete the VM', async () => (await world.vm('regretted'))?.status?.step?.attempts)
    await world.client.delete(proxmoxVMCommands, { namespace: world.namespace, name })
    await world.edit('regretted', { metadata: { labels: { look: 'again' } } })
    const after = await world.untilReady('regretted')
    world.simulator.faults.remove('busy')
    expect(after.status?.reinstall?.running).toBeUndefined()
    expect(isWhole(vm)).toBe(true)
  })

  it('starts the VM again when PVE refuses to delete it and the request is withdrawn', async () => {
    const vm = await world.born('refused')
    const route = 'DELETE /nodes/{node}/qemu/{vmid}'
    const reason = "There is a replication job '10000-0' for guest '10000' - Please remove that first."
    world.simulator.faults.add([{ id: 'r', route, match: { vmid: vmidOf(vm) }, times: 'always', status: 500, reason } as never], [])
    await ask('refused', { requestID: 'r1' })
    await world.untilCondition('refused', 'Stalled', 'True', 'WouldBeLost')
    expect(world.guestOf(vm).isRunning).toBe(false)
    await ask('refused', null)
    world.clock.skip(31_000)
    await world.untilReady('refused')
    expect(isWhole(vm)).toBe(true)
    world.simulator.faults.remove()
  })

  it('after Remove leaves the VM removed', async () => {
    const vm = await world.born('set-aside', { runStrategy: 'Halted' })
    expect(await outcomeOf(world, 'set-aside', 'Remove')).toMatch(/^Succeeded/)
    await world.edit('set-aside', { spec: { template: nowhere } })
    expect(await outcomeOf(world, 'set-aside', 'Clone')).toMatch(/^Failed: .*nothing was deleted/)
    expect((await world.vm('set-aside'))?.status?.phase).toBe('Removed')
    expect(clonesOf(world, vmidOf(vm))).toBe(1)
  })
})
