import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../src/api/package.ts'
import type { ProxmoxVM, ProxmoxVMSpec, ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import type { Want } from '../../src/ladder/machine.ts'
import { wantOf, type WantInput } from '../../src/want/want.ts'
import { aVm } from '../engine/vms.ts'

const status: ProxmoxVMStatus = {
  vmid: 10000,
  vmName: 'web1',
  interfaces: [{ name: 'net0', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0' }],
  disks: [{ name: 'system', key: 'scsi0', volume: 'local-lvm:vm-10000-disk-0' }],
}
const types: Record<string, string> = { local: 'dir', 'local-lvm': 'lvmthin', ceph: 'rbd', nas: 'nfs', fast: 'btrfs' }

const wanted = (merged: Package, over: Partial<WantInput> = {}): Want =>
  wantOf({
    vm: aVm(),
    status,
    merged,
    grants: [],
    net: { bridge: 'vmbr0' },
    installation: 'kube-1',
    storageType: (storage) => types[storage],
    systemDiskStorage: 'local-lvm',
    ...over,
  })

describe('0, absent and unlimited', () => {
  it.each<[claim: string, merged: Package, part: Partial<Want>]>([
    ['nothing said of the CPU is one core of the template’s model', {}, { cpu: { cores: 1, sockets: 1 } }],
    ['a limit of 0 is none', { cpu: { cores: 2, limit: 0, units: 0 } }, { cpu: { cores: 2, sockets: 1 } }],
    ['neither is "0"', { cpu: { limit: '0' } }, { cpu: { cores: 1, sockets: 1 } }],
    ['a limit is cores', { cpu: { limit: '1500m', type: 'host' } }, { cpu: { cores: 1, sockets: 1, type: 'host', limit: 1.5 } }],
    ['nothing said of memory is the template’s', {}, { memory: {} }],
    ['a size of "0" is the template’s', { memory: { size: '0' } }, { memory: {} }],
    ['a minimum of 0 switches ballooning off', { memory: { size: '1Gi', minimum: 0 } }, { memory: { sizeMiB: 1024, balloonMiB: 0 } }],
    ['a minimum of "0" does, too', { memory: { minimum: '0' } }, { memory: { balloonMiB: 0 } }],
    ['no minimum is no balloon key', { memory: { size: '1Gi' } }, { memory: { sizeMiB: 1024 } }],
    ['a disk of 0 is the template’s', { systemDisk: { size: '0' } }, { systemDisk: { key: 'scsi0', limits: {} } }],
    [
      'a bandwidth of 0 is unlimited',
      { systemDisk: { size: '20Gi', bandwidth: { readMiBps: 0, writeMiBps: 10, readIOPS: 5, readIOPSBurst: 9 } } },
      { systemDisk: { key: 'scsi0', sizeMiB: 20_480, limits: { mbps_wr: 10, iops_rd: 5, iops_rd_max: 9 } } },
    ],
  ])('%s', (_claim, merged, part) => expect(wanted(merged)).toMatchObject(part))

  it('leave no key behind that could be taken for a value', () => {
    expect(Object.keys(wanted({ cpu: { limit: 0, units: 0 } }).cpu)).toEqual(['cores', 'sockets'])
    expect(wanted({ network: { rateMbit: 0 } }).net).toEqual({
      macAddress: 'BC:24:11:00:00:01',
      bridge: 'vmbr0',
      firewall: false,
    })
  })
})

describe('the NIC', () => {
  it.each<[claim: string, merged: Package, net: Partial<Want['net']>]>([
    ['has an eighth of the megabits', { network: { rateMbit: 100 } }, { rateMBps: 12.5 }],
    ['stands behind the firewall that is sold', { firewall: { enabled: true } }, { firewall: true }],
    ['unless the package says otherwise', { firewall: { enabled: true }, network: { firewall: false } }, { firewall: false }],
    ['is of the model that is sold', { network: { model: 'e1000', mtu: 0 } }, { model: 'e1000' }],
  ])('%s', (_claim, merged, net) => expect(wanted(merged).net).toMatchObject(net))

  it('is in the VLAN of its wire', () =>
    expect(wanted({}, { net: { bridge: 'vmbr1', vlan: 7 } }).net).toMatchObject({ bridge: 'vmbr1', vlan: 7 }))
})

describe('an additional disk', () => {
  const disk = (over: object = {}): Package => ({ additionalDisks: [{ name: 'data', size: '10Gi', ...over }] })
  const ofTemplate = (storage: string): ProxmoxVM => aVm({ spec: { template: { name: 't', clone: 'Full', storage } } })
  const noted = { ...status, disks: [...(status.disks ?? []), { name: 'data', key: 'scsi3' }] }

  it.each([
    ['goes to its own storage', disk({ storage: 'ceph' }), ofTemplate('local'), { storage: 'ceph' }],
    ['else to that of the template', disk(), ofTemplate('ceph'), { storage: 'ceph' }],
    ['else to that of the system disk', disk(), aVm(), { storage: 'local-lvm' }],
    ['is a qcow2 on a directory', disk({ storage: 'local' }), aVm(), { format: 'qcow2' }],
    ['is a qcow2 on NFS', disk({ storage: 'nas' }), aVm(), { format: 'qcow2' }],
    ['has its noted slot', disk(), aVm(), { key: 'scsi3', sizeMiB: 10_240 }],
  ])('%s', (_claim, merged, vm, expected) => expect(wanted(merged, { vm, status: noted }).additionalDisks[0]).toMatchObject(expected))

  it.each(['ceph', 'local-lvm', 'fast', 'unknown'])('has no format on %s', (storage) => {
    expect(wanted(disk({ storage })).additionalDisks[0]).not.toHaveProperty('format')
  })

  it.each([
    ['Delete', [{ name: 'data', key: 'scsi3', volume: 'ceph:v' }]],
    ['Keep', []],
  ])('that left the package with %s: %j', (removalPolicy, removedDisks) => {
    const disks = [{ name: 'data', key: 'scsi3', volume: 'ceph:v', removalPolicy }]

    expect(wanted({}, { status: { ...status, disks } }).removedDisks).toEqual(removedDisks)
    expect(wanted(disk(), { status: { ...status, disks } }).removedDisks).toEqual([])
  })
})

describe('power', () => {
  const started = { ...status, firstReadyAt: '2026-01-01T00:00:00Z', firstStartedAt: '2026-01-01T00:00:00Z' }
  const suspensions: ProxmoxVMSpec['suspensions'] = [{ by: 'billing', reason: 'unpaid' }]
  const wasSuspended: ProxmoxVMStatus = {
    ...started,
    conditions: [{ type: 'Suspended', status: 'True', reason: 'Suspended', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  }

  it.each<[claim: string, spec: Partial<ProxmoxVMSpec>, of: ProxmoxVMStatus, power: Want['power'], onboot: boolean]>([
    ['under Once is switched on a single time', {}, status, 'started-once', true],
    ['and then up to people', {}, started, 'left-alone', true],
    ['under Always is on', { runStrategy: 'Always' }, started, 'running', true],
    ['under Halted is off', { runStrategy: 'Halted' }, status, 'stopped', false],
    ['of a suspended VM is off', { runStrategy: 'Always', suspensions }, started, 'stopped', false],
    ['comes back with the last suspension', {}, wasSuspended, 'running', true],
    ['does not come back under Halted', { runStrategy: 'Halted' }, wasSuspended, 'stopped', false],
  ])('%s', (_claim, spec, of, power, onboot) => {
    expect(wanted({}, { vm: aVm({ spec, status: of }), status: of })).toMatchObject({ power, onboot })
  })
})

describe('a VM', () => {
  it('is fresh until it was ready once', () => {
    expect(wanted({}).fresh).toBe(true)
    expect(wanted({}, { status: { ...status, firstReadyAt: '2026-01-01T00:00:00Z' } }).fresh).toBe(false)
  })

  it('says to the admin whose it is', () => {
    expect(wanted({}).description.split('\n')).toEqual([
      'pve.hosting/owner uid=uid-1 vmid=10000',
      'pve.hosting/object installation=kube-1 cluster=fra1 customer-7/small done=',
      'ProxmoxVM customer-7/small, managed by pve-operator: change the object, not the VM.',
    ])
  })
})
