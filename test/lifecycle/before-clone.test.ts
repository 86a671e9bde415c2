import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { TestWorld } from '../support/world.ts'

const base = { cpu: { cores: 1 }, memory: { size: '1Gi' }, network: { bridge: 'vmbr0' } }
const bootless = {
  vmid: 9300,
  node: 'pve1',
  config: { template: '1', name: 'bootless', boot: 'order=scsi5', scsi0: 'local-lvm:base-9300-disk-0,size=10G', memory: '1024' },
}

let world: TestWorld
beforeAll(async () => {
  const bridges = [{ iface: 'vmbr0' }, { iface: 'vmbr1' }, { iface: 'vmbr7', nodes: ['pve3'] }]
  world = await TestWorld.start({ scenario: { bridges, guests: [bootless] } as never })
})
afterAll(() => world.stop())

const clones = () => world.writes().filter((line) => line.endsWith('/clone'))

describe('what a package names and PVE does not have', () => {
  it.each([
    [
      'storage',
      'StorageNotFound',
      { package: { ...base, additionalDisks: [{ name: 'd', size: '1Gi', storage: 'nvme-pool' }] } },
      'Disk d wants storage "nvme-pool", which no node has; there are ceph, local-lvm. Change spec.package.additionalDisks[d].storage, or give the token Datastore.Audit on the storage.',
    ],
    [
      'backup-storage',
      'StorageNotFound',
      { template: { name: 'debian-13', storage: 'local' } },
      'spec.template.storage wants storage "local", which does not allow disks of VMs; there are ceph, local-lvm. Change it.',
    ],
    [
      'bridge',
      'BridgeNotFound',
      { package: { ...base, network: { bridge: 'vmbr9' } } },
      'Node pve1 has no bridge "vmbr9" that the token may use (spec.package.network.bridge); there are vmbr0, vmbr1. Change the bridge, or give the token SDN.Use on it.',
    ],
    [
      'boot',
      'TemplateInvalid',
      { template: { name: 'bootless' } },
      'Template 9300 on pve1 boots from scsi5, which it does not have; its disks are scsi0. An admin must correct the boot order on that node: qm set 9300 --boot order=scsi0.',
    ],
  ])('%s: is told before the clone, with what there is (%s)', async (name, reason, spec, message) => {
    await world.apply(name, spec)
    const vm = await world.untilCondition(name, 'Stalled', 'True', reason)

    expect(world.condition(vm, 'Stalled')?.message).toBe(message)
    expect(clones()).toEqual([])
  })

  it('is looked for on the other nodes: a VM goes where its bridge is', async () => {
    expect((await world.born('third', { package: { ...base, network: { bridge: 'vmbr7' } }, runStrategy: 'Halted' })).status?.node).toBe(
      'pve3',
    )
  })

  it('is told when a start fails for it: VM, node, bridge and field', async () => {
    const pkg = await world.package({ ...base })
    const inline = { package: { network: { bridge: 'vmbr7' } }, runStrategy: 'Halted' }
    const vm = await world.born('badbridge', { packageRef: { name: pkg }, ...inline })
    // An admin takes it away while the VM is off.
    const { bridges } = world.simulator.world.spec
    bridges.splice(
      bridges.findIndex(({ iface }) => iface === 'vmbr7'),
      1,
    )
    await world.edit('badbridge', { spec: { runStrategy: 'Once' } })
    const failed = await world.untilCondition('badbridge', 'Stalled', 'True', 'InvalidForPVE')
    const told = `VM ${vm.status?.vmid} does not start on ${vm.status?.node}: that node has no bridge vmbr7 (spec.package.network.bridge)`

    expect(world.condition(failed, 'Stalled')?.message).toContain(told)
  })
})
