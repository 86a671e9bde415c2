import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool } from '../support/builders.ts'
import { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

/** Found before only when the VM was next started: it stayed off. */
describe('an edit that names what the node does not have', () => {
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
  const told = async (name: string, reason: string) => {
    const vm = await world.untilCondition(name, 'Stalled', 'True', reason, 60)
    expect(world.condition(vm, 'PackageApplied')).toMatchObject({ status: 'False', reason })
    return world.condition(vm, 'Stalled')?.message ?? ''
  }

  it('a bridge: told with those there are, net0 keeps its own, all else is applied, and the VM is restarted as it was', async () => {
    const vm = await world.born('bridged')
    await pack('bridged', { cpu: { limit: '1' }, network: { bridge: 'vmbr9', rateMbit: 80 } })
    expect(await told('bridged', 'BridgeNotFound')).toMatch(
      /has no bridge "vmbr9" that the token may use \(spec\.package\.network\.bridge\); there are vmbr0, vmbr1\. Change the bridge.*All else is applied\.$/,
    )
    expect(admin.config(vm)).toMatchObject({ cpulimit: '1', net0: expect.stringMatching(/bridge=vmbr0.*rate=10/) })
    expect([...admin.guest(vm).pending.keys()]).toEqual([])
    expect((await world.vm('bridged'))?.status?.interfaces?.[0]?.bridge).toBe('vmbr0')
    expect(await outcomeOf(world, 'bridged', 'SetNetwork')).toMatch(/^Failed: Node pve\d has no bridge "vmbr9"/)
    expect(await outcomeOf(world, 'bridged', 'Reboot')).toMatch(/^Succeeded/)
    await pack('bridged', { network: { bridge: 'vmbr1' } })
    await world.untilReady('bridged')
    await world.untilCondition('bridged', 'PackageApplied', 'True')
    expect(admin.config(vm)['net0']).toContain('bridge=vmbr1')
  })

  it('a storage of a new disk, or one that takes none: told, nothing is asked of PVE for it, and the other disk is made', async () => {
    const vm = await world.born('stored')
    const disks = [
      { name: 'lost', size: '5Gi', storage: 'nowhere' },
      { name: 'files', size: '5Gi', storage: 'local' },
      { name: 'good', size: '5Gi', storage: 'local-lvm' },
    ]
    world.simulator.requests.reset()
    await pack('stored', { cpu: { cores: 2 }, additionalDisks: disks })
    const message = await told('stored', 'StorageNotFound')
    expect(message).toMatch(/Disk lost wants storage "nowhere", which node pve\d does not have.*there are ceph, local-lvm/)
    expect(message).toContain('Change spec.package.additionalDisks[lost].storage')
    expect(message).toContain('Disk files wants storage "local", which takes no disks of VMs')
    expect(Object.values(admin.config(vm)).filter((value) => /size=5G/.test(value))).toHaveLength(1)
    expect(admin.config(vm)['cores']).toBe('2')
    expect(admin.isRunning(vm)).toBe(true)
    expect(await outcomeOf(world, 'stored', 'SetAdditionalDiskSize')).toMatch(/^Failed: Disk lost/)
    await pack('stored', { additionalDisks: disks.slice(2) })
    await world.untilReady('stored')
    await world.untilCondition('stored', 'PackageApplied', 'True')
  })

  it('a bridge of the pool of other addresses: the guest keeps its address and runs on, until the pool is right', async () => {
    const home = await world.pool(aV4Pool())
    const other = await world.pool({
      ...aV4Pool(),
      ranges: ['198.51.100.10-198.51.100.20'],
      gateway: '198.51.100.1',
      network: { bridge: 'vmbr7' },
    })
    const spec = { package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } } }
    const vm = await world.born('moved', { ...spec, addresses: [{ name: 'main', poolRef: { name: home } }] })
    const before = admin.config(vm)
    const process = admin.guest(vm).process
    await world.edit('moved', { spec: { addresses: [{ name: 'main', poolRef: { name: other } }] } })
    expect(await told('moved', 'BridgeNotFound')).toMatch(
      new RegExp(`network.bridge of IPPool ${other}.*The network card and the addresses of the VM stay as they are until then`),
    )
    expect(admin.config(vm)).toMatchObject({ ipconfig0: before['ipconfig0'], net0: before['net0'] })
    expect(admin.guest(vm).process).toBe(process)
    const held = (await world.addresses(home)).filter(({ spec: { claimRef } }) => claimRef?.name === 'moved')
    expect(held).toHaveLength(1)
    // No restart would tell the guest an address that is not written.
    world.clock.skip(60_000)
    await outcomeOf(world, 'moved', 'ChangePackage')
    await told('moved', 'BridgeNotFound')
    expect(admin.guest(vm).process).toBe(process)
    await world.editPool(other, { network: { bridge: 'vmbr1' } })
    await until('it has the new address on the new wire', () => {
      world.clock.skip(1_000)
      const { ipconfig0 = '', net0 = '' } = admin.config(vm)
      return ipconfig0.includes('198.51.100.') && net0.includes('vmbr1')
    })
    await world.untilReady('moved', 60)
  })

  it('a VLAN that the token may not use: PVE refuses the network card alone, and all else is applied', async () => {
    const vm = await world.born('tagged')
    const net0 = `${admin.config(vm)['net0']},tag=77`
    const reason = 'Permission check failed (/sdn/zones/localnetwork/vmbr0/77, SDN.Use)'
    const route = '* /nodes/{node}/qemu/{vmid}/config'
    world.simulator.faults.add([{ id: 'vlan', route, match: { params: { net0 } }, times: 'always', status: 403, reason } as never], [])
    await pack('tagged', { cpu: { limit: '1' }, network: { vlan: 77 } })
    expect(await told('tagged', 'PermissionDenied')).toContain(
      `Network card: PVE refused net0 ${admin.config(vm)['net0']} → ${net0}: ${reason}`,
    )
    expect(admin.config(vm)['cpulimit']).toBe('1')
    await pack('tagged', { network: { vlan: 78 } })
    await world.untilReady('tagged')
    expect(admin.config(vm)['net0']).toContain('tag=78')
  })

  it('a VLAN that the token may not use, with the addresses of its pool: the guest keeps both, and runs on', async () => {
    const home = await world.pool(aV4Pool())
    const other = await world.pool({
      ...aV4Pool(),
      ranges: ['198.51.100.30-198.51.100.40'],
      gateway: '198.51.100.1',
      network: { bridge: 'vmbr0', vlan: 79 },
    })
    const spec = { package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } } }
    const vm = await world.born('fenced', { ...spec, addresses: [{ name: 'main', poolRef: { name: home } }] })
    const before = admin.config(vm)
    const process = admin.guest(vm).process
    const reason = 'Permission check failed (/sdn/zones/localnetwork/vmbr0/79, SDN.Use)'
    const net0 = `${before['net0']}`.replace(/tag=\d+/, 'tag=79')
    const route = '* /nodes/{node}/qemu/{vmid}/config'
    world.simulator.faults.add([{ id: 'fence', route, match: { params: { net0 } }, times: 'always', status: 403, reason } as never], [])
    await world.edit('fenced', { spec: { addresses: [{ name: 'main', poolRef: { name: other } }] } })
    await told('fenced', 'PermissionDenied')
    expect(admin.config(vm)).toMatchObject({ ipconfig0: before['ipconfig0'], net0: before['net0'] })
    expect(admin.guest(vm).process).toBe(process)
    expect((await world.addresses(home)).filter(({ spec: { claimRef } }) => claimRef?.name === 'fenced')).toHaveLength(1)
  })
})
