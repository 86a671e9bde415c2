import { describe, expect, it } from '@jest/globals'
import { vmNeedOf } from '../../src/sale/vm-need.ts'
import { gib, guest, inMiB, listingWith } from './seen.ts'

const vm = (name: string, packageName: string | undefined, o: { vmid?: number; volume?: string; size?: string } = {}) =>
  ({
    metadata: { name },
    spec: { clusterRef: { name: 'fra1' }, ...(packageName && { packageRef: { name: packageName } }) },
    status: {
      vmid: o.vmid,
      disks: [{ name: 'system', key: 'scsi0', ...(o.volume && { volume: o.volume }), ...(o.size && { size: o.size }) }],
    },
  }) as never
const listing = listingWith([guest(101, 'pve1', { maxmem: 3 * gib })])

describe('what one more VM of a package takes', () => {
  it('is what the package says', () => {
    const spec = {
      cpu: { cores: 2, sockets: 2 },
      memory: { size: '4Gi' },
      systemDisk: { size: '40Gi' },
      additionalDisks: [
        { name: 'data', size: '50Gi', storage: 'hdd' },
        { name: 'more', size: '1Gi' },
      ],
      vmids: { from: 100, to: 200 },
    }
    expect(vmNeedOf({ name: 's', spec, vms: [], listing })).toEqual({
      cpus: 4,
      memoryMiB: 4096,
      systemDiskMiB: inMiB(40),
      additionalDisks: [{ storage: 'hdd', sizeMiB: inMiB(50) }, { sizeMiB: 1024 }],
      vmids: { from: 100, to: 200 },
    })
  })

  it('is read off the VMs of the package where the package leaves it to the template', () => {
    const vms = [
      vm('a', 's', { vmid: 101, volume: 'fast:vm-101-disk-0', size: '12Gi' }),
      vm('b', 's', { volume: 'slow:vm-102-disk-0', size: '15Gi' }),
      vm('c', 'l', { volume: 'ceph:vm-103-disk-0', size: '80Gi' }),
    ]
    expect(vmNeedOf({ name: 's', spec: {}, vms, listing })).toEqual({
      cpus: 1,
      memoryMiB: inMiB(3),
      systemDiskMiB: inMiB(15),
      additionalDisks: [],
      systemStorages: new Set(['fast', 'slow']),
    })
  })

  it('is read off all VMs of the cluster while the package has none, and is a default while there are none at all', () => {
    const others = [vm('c', 'l', { vmid: 101, volume: 'ceph:vm-103-disk-0', size: '80Gi' })]
    expect(vmNeedOf({ name: 's', spec: {}, vms: others, listing })).toMatchObject({
      memoryMiB: 512,
      systemDiskMiB: inMiB(80),
      systemStorages: new Set(['ceph']),
    })
    const first = vmNeedOf({ name: 's', spec: {}, vms: [], listing })
    expect(first).toEqual({ cpus: 1, memoryMiB: 512, systemDiskMiB: inMiB(32), additionalDisks: [] })
  })
})
