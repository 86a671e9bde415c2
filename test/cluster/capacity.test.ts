import { describe, expect, it } from '@jest/globals'
import { capacityOf } from '../../src/cluster/capacity.ts'
import { registerCapacity } from '../../src/ops/capacity-gauges.ts'
import { Metrics } from '../../src/ops/metrics.ts'
import { listingOf } from '../../src/proxmox/listing.ts'

const gib = 1024 ** 3
const images = 'images,rootdir'
const listing = listingOf(
  [
    { type: 'node', node: 'pve1', status: 'online', maxmem: 64 * gib, maxcpu: 16 },
    { type: 'node', node: 'pve2', status: 'offline', maxmem: 0, maxcpu: 0 },
    { type: 'qemu', vmid: 100, node: 'pve1', status: 'running', maxmem: 8 * gib },
    { type: 'qemu', vmid: 101, node: 'pve1', status: 'stopped', maxmem: 4 * gib },
    { type: 'qemu', vmid: 9000, node: 'pve1', status: 'stopped', maxmem: 2 * gib, template: 1 },
    { type: 'storage', storage: 'ceph', node: 'pve1', shared: 1, content: images, status: 'available', disk: 5 * gib, maxdisk: 20 * gib },
    { type: 'storage', storage: 'ceph', node: 'pve2', shared: 1, content: images, status: 'available', disk: 5 * gib, maxdisk: 20 * gib },
    { type: 'storage', storage: 'local', node: 'pve1', content: 'iso,backup', status: 'available', disk: gib, maxdisk: 9 * gib },
    { type: 'storage', storage: 'fast', node: 'pve1', content: images, status: 'available', disk: 2 * gib, maxdisk: 10 * gib },
    { type: 'storage', storage: 'gone', node: 'pve2', content: images, status: 'unknown' },
  ],
  0,
)

describe('capacity', () => {
  it('counts memory given to guests, running or not, and each storage of disks once', () => {
    expect(capacityOf(listing)).toEqual({
      nodes: [{ node: 'pve1', totalBytes: 64 * gib, committedBytes: 12 * gib }],
      storages: [
        { storage: 'ceph', node: '', totalBytes: 20 * gib, usedBytes: 5 * gib },
        { storage: 'fast', node: 'pve1', totalBytes: 10 * gib, usedBytes: 2 * gib },
      ],
    })
  })

  it('is told as metrics, and goes with its cluster', async () => {
    const metrics = new Metrics({ version: '1' })
    let clusters = [{ cluster: 'fra1', ...capacityOf(listing) }]
    registerCapacity(metrics.registry, () => clusters)
    const told = async (): Promise<string[]> =>
      (await metrics.expose()).text.split('\n').filter((line) => /^pve_operator_(?:node_memory|storage)_bytes\{/.test(line))

    expect(await told()).toEqual([
      `pve_operator_node_memory_bytes{cluster="fra1",node="pve1",kind="total"} ${64 * gib}`,
      `pve_operator_node_memory_bytes{cluster="fra1",node="pve1",kind="committed"} ${12 * gib}`,
      `pve_operator_storage_bytes{cluster="fra1",storage="ceph",node="",kind="total"} ${20 * gib}`,
      `pve_operator_storage_bytes{cluster="fra1",storage="ceph",node="",kind="used"} ${5 * gib}`,
      `pve_operator_storage_bytes{cluster="fra1",storage="fast",node="pve1",kind="total"} ${10 * gib}`,
      `pve_operator_storage_bytes{cluster="fra1",storage="fast",node="pve1",kind="used"} ${2 * gib}`,
    ])
    clusters = []
    expect(await told()).toEqual([])
  })
})
