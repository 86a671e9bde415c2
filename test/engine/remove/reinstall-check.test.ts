import { describe, expect, it } from '@jest/globals'
import { listingWithout } from '../../../src/engine/remove/reinstall-check.ts'
import { listingOf } from '../../../src/proxmox/listing.ts'

const GiB = 1024 ** 3

describe('the cluster without the VM that goes', () => {
  const listing = listingOf(
    [
      { type: 'qemu', vmid: 100, node: 'pve1', status: 'running', maxmem: GiB },
      { type: 'qemu', vmid: 101, node: 'pve1', status: 'running', maxmem: GiB },
      { type: 'storage', storage: 'local', node: 'pve1', disk: 50 * GiB, maxdisk: 60 * GiB },
      { type: 'storage', storage: 'local', node: 'pve2', disk: 50 * GiB, maxdisk: 60 * GiB },
      { type: 'storage', storage: 'ceph', node: 'pve1', shared: 1, disk: 5 * GiB, maxdisk: 60 * GiB },
      { type: 'storage', storage: 'ceph', node: 'pve2', shared: 1, disk: 5 * GiB, maxdisk: 60 * GiB },
    ],
    0,
  )
  const disks = [
    { name: 'system', key: 'scsi0', volume: 'local:vm-100-disk-0', size: '40Gi' },
    { name: 'data', key: 'scsi1', volume: 'ceph:vm-100-disk-0', size: '8Gi' },
  ]

  it('has the room of its disks, on its node and on shared storages everywhere, and no more than was used', () => {
    const without = listingWithout(listing, { vmid: 100, disks })
    const used = without.storages.map(({ storage, node, usedBytes }) => [storage, node, usedBytes / GiB])

    expect([...without.guests.keys()]).toEqual([101])
    expect(used).toEqual([
      ['local', 'pve1', 10],
      ['local', 'pve2', 50],
      ['ceph', 'pve1', 0],
      ['ceph', 'pve2', 0],
    ])
  })

  it('is as it is when the VM is gone already', () => {
    expect(listingWithout(listing, { vmid: 102, disks })).toBe(listing)
  })
})
