import { describe, expect, it } from '@jest/globals'
import { countSellable } from '../../src/sale/count.ts'
import type { VmNeed } from '../../src/sale/vm-need.ts'
import { gib, guest, inMiB, leftOf, listingWith, node, storage } from './seen.ts'

const need = (o: Partial<VmNeed> = {}): VmNeed => ({
  memoryMiB: inMiB(4),
  cpus: 2,
  systemDiskMiB: inMiB(20),
  additionalDisks: [],
  systemStorages: new Set(['lvm']),
  ...o,
})
const sold = (n: VmNeed, o: Parameters<typeof leftOf>[0] = {}): [number, string] => {
  const { count, limitedBy } = countSellable(n, leftOf(o))
  return [count, limitedBy]
}
const onCeph = { systemStorages: new Set(['ceph']) }

describe('how many more VMs of a package a cluster takes', () => {
  it('is what fits on the local storages of all open nodes', () => {
    expect(sold(need())).toEqual([15, 'storage lvm on nodes pve1, pve2, pve3'])
  })

  it('is what fits on a shared storage, counted once for all nodes', () => {
    expect(sold(need(onCeph))).toEqual([47, 'storage ceph'])
  })

  it('is not limited by memory or CPUs without overcommit, as births are not', () => {
    const guests = [1, 2, 3].flatMap((n) => [guest(100 + n, `pve${n}`, { maxmem: 64 * gib, maxcpu: 16 })])
    expect(sold(need(), { listing: listingWith(guests) })).toEqual([15, 'storage lvm on nodes pve1, pve2, pve3'])
  })

  it('is what overcommit.memory leaves, guests counted whether they run or not, templates not', () => {
    const listing = listingWith([guest(101, 'pve1', { maxmem: 61 * gib }), guest(102, 'pve2', { maxmem: 56 * gib, status: 'stopped' })])
    expect(sold(need(onCeph), { listing, spec: { overcommit: { memory: '1' } } })).toEqual([18, 'memory of nodes pve1, pve2, pve3'])
  })

  it('is what overcommit.cpu leaves', () => {
    const listing = listingWith([guest(101, 'pve1', { maxcpu: 15 })])
    expect(sold(need(onCeph), { listing, spec: { overcommit: { cpu: 1 } } })).toEqual([16, 'CPUs of nodes pve1, pve2, pve3'])
  })

  it('names each limit with its nodes where nodes differ', () => {
    const listing = listingWith([guest(101, 'pve2', { maxmem: 62 * gib })])
    expect(sold(need(), { listing, spec: { overcommit: { memory: '1' } } })).toEqual([
      10,
      'storage lvm on nodes pve1, pve3, memory of node pve2',
    ])
  })

  it('is 0 for a VM that is larger than every node', () => {
    expect(sold(need({ ...onCeph, memoryMiB: inMiB(65) }))).toEqual([0, 'memory of nodes pve1, pve2, pve3'])
    expect(sold(need({ ...onCeph, cpus: 17 }))).toEqual([0, 'CPUs of nodes pve1, pve2, pve3'])
  })

  it('counts VMs on their way that the listing does not show', () => {
    const promised = [{ vmid: 500, node: 'pve1', memoryMiB: inMiB(64), cpus: 2, disks: [{ storage: 'ceph', sizeMiB: inMiB(500) }] }]
    expect(sold(need(onCeph), { promised })).toEqual([22, 'storage ceph'])
    expect(sold(need(onCeph), { promised, spec: { overcommit: { memory: '1' } } })).toEqual([22, 'storage ceph'])
    expect(sold(need(onCeph), { promised, spec: { overcommit: { memory: '0.5' } } })).toEqual([16, 'memory of nodes pve1, pve2, pve3'])
  })

  it('counts with overcommit.storage what disks may grow to, and without it what is free, also on a thin storage', () => {
    const spec = { overcommit: { storage: '1.5' } }
    expect(sold(need(onCeph), { spec, diskMiB: inMiB(1400) })).toEqual([5, 'storage ceph'])
    const full = [1, 2, 3].map((n) => storage('lvm', `pve${n}`, { disk: 81 * gib }))
    expect(sold(need(), { listing: listingWith([], full) })).toEqual([0, 'storage lvm on nodes pve1, pve2, pve3'])
  })

  it('needs additional disks where they go: on a storage of their own, else beside the system disk', () => {
    const data = { storage: 'ceph', sizeMiB: inMiB(190) }
    expect(sold(need({ additionalDisks: [data] }))).toEqual([5, 'storage ceph'])
    expect(sold(need({ additionalDisks: [{ sizeMiB: inMiB(30) }] }))).toEqual([6, 'storage lvm on nodes pve1, pve2, pve3'])
    expect(sold(need({ additionalDisks: [{ storage: 'nvme', sizeMiB: 1024 }] }))).toEqual([
      0,
      'no usable storage nvme on nodes pve1, pve2, pve3',
    ])
  })

  it('leaves out nodes that take no birth, and says which and why', () => {
    const listing = listingWith([node('pve2', { hastate: 'maintenance' }), node('pve3', { status: 'offline' })])
    expect(sold(need(), { listing })).toEqual([5, 'storage lvm on node pve1; not counted: pve2 is in maintenance, pve3 is offline'])
    expect(sold(need(), { listing, spec: { cordon: ['pve1'] } })).toEqual([
      0,
      'no open node; not counted: pve1 is cordoned, pve2 is in maintenance, pve3 is offline',
    ])
    expect(sold(need(), { spec: { nodes: ['pve1', 'pve2'] } })).toEqual([10, 'storage lvm on nodes pve1, pve2'])
  })

  it('counts nothing on a storage that is off or takes no disks of VMs', () => {
    const rows = [storage('lvm', 'pve1', { status: 'unknown' }), storage('lvm', 'pve2', { content: 'iso' }), storage('lvm', 'pve3')]
    expect(sold(need(), { listing: listingWith([], rows) })).toEqual([
      5,
      'no usable storage lvm on nodes pve1, pve2, storage lvm on node pve3',
    ])
  })

  it('needs a template: on the node itself for a local storage, on any node for a shared one', () => {
    const listing = listingWith([guest(9001, 'pve2'), guest(9002, 'pve3')])
    expect(sold(need(), { listing })).toEqual([5, 'storage lvm on node pve1; not counted: pve2 has no template, pve3 has no template'])
    expect(sold(need(onCeph), { listing })[0]).toBe(47)
    const none = listingWith([9000, 9001, 9002].map((vmid) => guest(vmid, 'pve1')))
    expect(sold(need(onCeph), { listing: none })).toEqual([0, 'no template that the token sees on a node that is online'])
  })

  it('is what VMIDs are left, of the cluster and of the package', () => {
    const listing = listingWith([guest(100, 'pve1')])
    expect(sold(need(), { listing, heldVmids: [101, 102, 500], spec: { vmids: { from: 100, to: 109 } } })).toEqual([7, 'VMIDs 100 to 109'])
    expect(sold(need({ vmids: { from: 105, to: 120 } }), { spec: { vmids: { from: 100, to: 109 } } })).toEqual([5, 'VMIDs 105 to 109'])
    expect(sold(need({ vmids: { from: 10, to: 20 } }))).toEqual([
      0,
      'VMIDs 10 to 20 of the package, outside the range of the ProxmoxCluster',
    ])
  })

  it('takes the storage with the most room, of those that system disks are on, else of all', () => {
    expect(sold(need({ systemStorages: new Set(['lvm', 'ceph']) }))).toEqual([47, 'storage ceph'])
    const { systemStorages: _, ...unknown } = need()
    expect(sold(unknown)).toEqual([47, 'storage ceph'])
  })

  it('is exact up to 100, and rounded down to two figures above', () => {
    expect(sold(need({ ...onCeph, systemDiskMiB: 9.5 * 1024 }))[0]).toBe(100)
    expect(sold(need({ ...onCeph, systemDiskMiB: 1024 }))[0]).toBe(950)
    expect(sold(need({ ...onCeph, systemDiskMiB: 700 }))[0]).toBe(1300)
  })

  it('names at most 8 nodes', () => {
    const many = Array.from({ length: 12 }, (_, at) => [node(`n${at}`, { status: 'offline' })]).flat()
    expect(sold(need(), { listing: listingWith(many) })[1]).toMatch(/n7 is offline and 4 more$/)
  })
})
