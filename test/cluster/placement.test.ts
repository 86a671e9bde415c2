import { describe, expect, it } from '@jest/globals'
import { place, type PlacementWish } from '../../src/cluster/placement.ts'
import { listingOf } from '../../src/proxmox/listing.ts'
import { templateFactsOf } from '../../src/cluster/template-facts.ts'

const gib = 1024 ** 3
const node = (name: string, o: object = {}) => ({ type: 'node', node: name, status: 'online', maxmem: 256 * gib, maxcpu: 64, ...o })
const storage = (name: string, on: string, o: object = {}) => ({
  type: 'storage',
  storage: name,
  node: on,
  shared: 0,
  content: 'images,rootdir',
  status: 'available',
  maxdisk: 100 * gib,
  disk: 0,
  ...o,
})
const guest = (vmid: number, on: string, memGiB: number, o: object = {}) => ({
  type: 'qemu',
  vmid,
  node: on,
  status: 'running',
  maxmem: memGiB * gib,
  ...o,
})
const names = ['pve1', 'pve2', 'pve3']
const cluster = (...more: object[]) =>
  listingOf(
    [
      ...names.map((name) => node(name)),
      ...names.map((name) => storage('local-lvm', name)),
      ...names.map((name) => storage('ceph', name, { shared: 1 })),
      ...more,
    ].map((row) => ({ ...row })),
    0,
  )
const template = (vmid: number, on: string, on_storage: string) =>
  templateFactsOf(
    { node: on, vmid },
    {
      template: 1,
      digest: '',
      boot: 'order=scsi0;net0',
      scsi0: `${on_storage}:base-${vmid}-disk-0,size=10G`,
      ide2: `${on_storage}:vm-${vmid}-cloudinit,media=cdrom`,
    },
  )
const copies = names.map((name, at) => template(9000 + at, name, 'local-lvm'))
const onCeph = [template(9010, 'pve1', 'ceph')]
const wish = (o: Partial<PlacementWish> = {}): PlacementWish => ({ linked: false, additionalDisks: [], memoryMiB: 2048, ...o })
const placed = (result: ReturnType<typeof place>) => (result.is === 'placed' ? `${result.node} from ${result.source.vmid}` : result.message)

describe('placing a VM', () => {
  it('takes the node with the least memory committed, whether its guests run or not', () => {
    const seen = cluster(guest(100, 'pve1', 8), guest(101, 'pve2', 4, { status: 'stopped' }), guest(102, 'pve3', 6))
    expect(placed(place(wish(), copies, seen))).toBe('pve2 from 9001')
  })

  it('puts nothing on nodes that are cordoned, in maintenance or without figures, and says which and why', () => {
    const seen = cluster(node('pve2', { hastate: 'maintenance' }), node('pve3', { status: 'unknown' }))
    expect(placed(place(wish(), copies, seen))).toBe('pve1 from 9000')
    expect(placed(place(wish({ cordoned: ['pve1'] }), copies, seen))).toBe(
      'no allowed node accepts new VMs: pve1 is cordoned, pve2 is in maintenance, pve3 reports no figures (pvestatd)',
    )
    expect(placed(place(wish({ memoryMiB: 300 * 1024, cordoned: ['pve3'] }), copies, seen))).toMatch(
      /^pve1 has .*the VM needs .* \(not considered: pve2 is in maintenance, pve3 is cordoned\)$/,
    )
  })

  it('clones from a template on a cordoned node when its disks are shared', () => {
    expect(placed(place(wish({ cordoned: ['pve1'] }), onCeph, cluster()))).toBe('pve2 from 9010')
  })

  it('breaks ties by name, and counts no templates', () => {
    expect(placed(place(wish(), copies, cluster(guest(9000, 'pve1', 64, { template: 1 }))))).toBe('pve1 from 9000')
  })

  it('counts clones that the listing does not show yet, or not with their size', () => {
    const promised = [
      { vmid: 200, node: 'pve1', memoryMiB: 4096, disks: [] },
      { vmid: 201, node: 'pve2', memoryMiB: 2048, disks: [] },
    ]
    const seen = cluster(guest(201, 'pve2', 0, { status: 'unknown', lock: 'clone' }), guest(102, 'pve3', 3))
    expect(placed(place(wish(), copies, seen, promised))).toBe('pve2 from 9001')
  })

  it('keeps to the nodes that the cluster object allows, and to the pinned one', () => {
    expect(placed(place(wish({ allowedNodes: ['pve3'] }), copies, cluster()))).toBe('pve3 from 9002')
    expect(placed(place(wish({ pinnedNode: 'pve2' }), copies, cluster()))).toBe('pve2 from 9001')
    expect(placed(place(wish({ pinnedNode: 'pve2', allowedNodes: ['pve1'] }), copies, cluster()))).toBe(
      'node pve2 (spec.placement.node) is not in the PVE cluster or not allowed in the ProxmoxCluster (spec.nodes); there are pve1',
    )
  })

  it('passes over nodes that are off, and says so when none is left', () => {
    const seen = cluster(node('pve1', { status: 'offline' }))
    expect(placed(place(wish(), copies, seen))).toBe('pve2 from 9001')
    expect(placed(place(wish({ pinnedNode: 'pve1' }), copies, seen))).toBe('no allowed node accepts new VMs: pve1 is offline')
  })

  it('sends a template on shared storage to any node, and one on local storage to none', () => {
    expect(placed(place(wish({ pinnedNode: 'pve3' }), onCeph, cluster()))).toBe('pve3 from 9010')
    expect(placed(place(wish({ pinnedNode: 'pve3', storage: 'local-lvm' }), onCeph, cluster()))).toMatch(
      /^no allowed node has the template/,
    )
    expect(placed(place(wish({ pinnedNode: 'pve3', storage: 'local-lvm', linked: true }), onCeph, cluster()))).toBe('pve3 from 9010')
    expect(placed(place(wish({ pinnedNode: 'pve3' }), copies.slice(0, 1), cluster()))).toMatch(
      /pve3 allowed and online, the template is 9000 on pve1$/,
    )
  })

  it('sends nothing from a node that is off', () => {
    expect(placed(place(wish(), onCeph, cluster(node('pve1', { status: 'offline' }))))).toMatch(/^no allowed node has the template/)
  })

  it('says how much room is short, and where', () => {
    const full = names.map((name) => storage('local-lvm', name, { disk: 70 * gib }))
    const big = wish({ systemDiskMiB: 20 * 1024, additionalDisks: [{ sizeMiB: 20 * 1024 }], allowedNodes: ['pve1'] })
    expect(placed(place(big, copies, listingOf([node('pve1'), ...full], 0)))).toBe(
      'no node has room for 40 GiB on storage local-lvm: pve1 30 GiB free',
    )
    expect(placed(place({ ...big, linked: true }, copies, listingOf([node('pve1'), ...full], 0)))).toBe('pve1 from 9000')
    expect(placed(place({ ...big, additionalDisks: [{ storage: 'ceph', sizeMiB: 20 * 1024 }] }, copies, cluster()))).toBe('pve1 from 9000')
    expect(placed(place(wish({ storage: 'nfs', allowedNodes: ['pve1'] }), copies, cluster()))).toBe('pve1 has no storage nfs')
  })

  it('counts the room promised to clones under way: shared storage once for all nodes, local per node', () => {
    const promise = (storageName: string) => [
      { vmid: 200, node: 'pve2', memoryMiB: 0, disks: [{ storage: storageName, sizeMiB: 95 * 1024 }] },
    ]
    expect(placed(place(wish({ allowedNodes: ['pve1'] }), onCeph, cluster(), promise('ceph')))).toMatch(/on storage ceph: pve1 5 GiB free/)
    expect(placed(place(wish({ allowedNodes: ['pve1'] }), copies, cluster(), promise('local-lvm')))).toBe('pve1 from 9000')
    expect(placed(place(wish({ allowedNodes: ['pve1'] }), onCeph, cluster(guest(200, 'pve2', 1)), promise('ceph')))).toBe('pve1 from 9010')
  })

  it('promises more than is free on a thin storage only, and only where the template fits and the disks alone would', () => {
    const thin = (used: number) => listingOf([node('pve1'), storage('local-lvm', 'pve1', { plugintype: 'lvmthin', disk: used * gib })], 0)
    const big = wish({ systemDiskMiB: 50 * 1024 })
    const drawn = place(big, copies, thin(60))

    expect(drawn).toMatchObject({ is: 'placed', overdrawn: 'no node has room for 50 GiB on storage local-lvm: pve1 40 GiB free' })
    expect(place(big, copies, thin(10))).not.toHaveProperty('overdrawn')
    expect(placed(place(big, copies, thin(95)))).toMatch(/^no node has room/)
    expect(placed(place(wish({ systemDiskMiB: 101 * 1024 }), copies, thin(0)))).toMatch(/^no node has room/)
  })

  describe('with overcommit', () => {
    const ratio = (overcommit: PlacementWish['overcommit'], o: Partial<PlacementWish> = {}) =>
      wish({ allowedNodes: ['pve1'], ...(overcommit && { overcommit }), ...o })
    const busy = cluster(guest(100, 'pve1', 250, { maxcpu: 62 }), guest(101, 'pve1', 4, { maxcpu: 1, status: 'stopped' }))

    it.each([
      [
        'memory 1',
        ratio({ memory: 1 }, { memoryMiB: 3072 }),
        /^pve1 has promised 254 GiB of 256 GiB of memory \(overcommit\.memory 1\), the VM needs 3 GiB/,
      ],
      ['memory 1.5', ratio({ memory: 1.5 }, { memoryMiB: 3072 }), /^pve1 from 9000$/],
      ['cpu 1', ratio({ cpu: 1 }, { cpus: 2 }), /^pve1 has promised 63 of 64 CPUs \(overcommit\.cpu 1\), the VM needs 2$/],
      ['cpu 4', ratio({ cpu: 4 }, { cpus: 2 }), /^pve1 from 9000$/],
      ['none', ratio(undefined, { cpus: 2, memoryMiB: 3072 }), /^pve1 from 9000$/],
    ])('%s counts what guests, running or not, may use', (_claim, asked, said) => expect(placed(place(asked, copies, busy))).toMatch(said))

    it('of storage counts the size of all disks, and nothing of what is free', () => {
      const full = listingOf([node('pve1'), storage('local-lvm', 'pve1', { plugintype: 'lvmthin', disk: 99 * gib })], 0)
      const asked = (promisedGiB: number) =>
        ratio({ storage: 1.5 }, { systemDiskMiB: 20 * 1024, promisedMiB: new Map([['pve1/local-lvm', promisedGiB * 1024]]) })

      expect(placed(place(asked(130), copies, full))).toBe('pve1 from 9000')
      expect(placed(place(asked(131), copies, full))).toBe(
        'no node has room for 20 GiB on storage local-lvm (overcommit.storage 1.5): pve1 19 GiB free',
      )
    })
  })

  it('refuses what no node could ever start', () => {
    expect(placed(place(wish({ memoryMiB: 512 * 1024, allowedNodes: ['pve1'] }), copies, cluster()))).toMatch(
      /^pve1 has 262144 MiB of memory in total/,
    )
    expect(placed(place(wish({ cpus: 65, allowedNodes: ['pve1'] }), copies, cluster()))).toBe('pve1 has 64 CPUs, the VM needs 65')
  })
})
