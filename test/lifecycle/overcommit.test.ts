import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, proxmoxVMs } from '../../src/api/meta.ts'
import { eventsOf } from '../manual/seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const pack = (size: string) => ({
  package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size }, network: { bridge: 'vmbr0' } },
})

let world: TestWorld
beforeAll(async () => {
  const scenario = {
    nodes: [{ name: 'pve1', cpus: 4, memory: '16GiB' }],
    storages: [
      { storage: 'local', type: 'dir', content: ['backup', 'iso', 'snippets'], size: '100GiB', properties: { path: '/var/lib/vz' } },
      {
        storage: 'local-lvm',
        type: 'lvmthin',
        content: ['images', 'rootdir'],
        size: '100GiB',
        used: '60GiB',
        properties: { thinpool: 'data', vgname: 'pve' },
      },
    ],
    templates: [{ vmid: 9000, node: 'pve1', name: 'debian-13', storage: 'local-lvm' }],
    guests: [],
  }
  world = await TestWorld.start({ scenario: scenario as never, speed: 20 })
})
afterAll(() => world.stop())

const overcommit = async (ratios: object | null) => {
  await world.client.mergePatch(
    proxmoxClusters,
    { name: world.cluster },
    { spec: { overcommit: ratios && { storage: null, memory: null, ...ratios } } },
  )
  const known = () => world.operator?.operator.clusters.directory.live(world.cluster)?.spec.overcommit
  await until('the operator knows', () => JSON.stringify(known() ?? null) === JSON.stringify(ratios))
}

describe('a thin pool', () => {
  it('is promised more than is free, with a warning; with overcommit.storage only as much as that says', async () => {
    await world.born('thin', { ...pack('50Gi'), runStrategy: 'Halted' })
    const event = await until('the Event is there', async () =>
      (await eventsOf(world, 'thin')).find(({ reason }) => reason === 'StorageOvercommitted'),
    )
    expect(event.note).toMatch(/^No node has room for 50 GiB on storage local-lvm: pve1 [0-9.]+ GiB free; the storage is thin/)

    // 10 GiB of the template and 50 GiB of the VM are promised.
    await overcommit({ storage: '1' })
    await world.apply('counted', { ...pack('41Gi'), runStrategy: 'Halted' })
    const short = await world.untilCondition('counted', 'Stalled', 'True', 'NoCapacity')
    expect(world.condition(short, 'Stalled')?.message).toBe(
      'No node has room for 41 GiB on storage local-lvm (overcommit.storage 1): pve1 39.9 GiB free.',
    )
    await overcommit({ storage: '1500m' })
    await world.untilReady('counted')
  })

  it('and memory are limited apart: a VM beyond overcommit.memory waits until there is more', async () => {
    await overcommit({ memory: '100m' })
    await world.apply('hungry', { ...pack('10Gi'), runStrategy: 'Halted' })
    const short = await world.untilCondition('hungry', 'Stalled', 'True', 'NoCapacity')
    expect(world.condition(short, 'Stalled')?.message).toMatch(/pve1 has promised [12] GiB of 1.5 GiB of memory \(overcommit.memory 0.1\)/)
    await overcommit(null)
    await world.untilReady('hungry')
  })
})

describe('a PVE with restricted tags', () => {
  it('has VMs made with tags None, which keep the tags of their template, and finds them when their status is lost', async () => {
    await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { tags: 'None' } })
    await until('the operator knows', () => world.operator?.operator.clusters.directory.live(world.cluster)?.spec.tags === 'None')
    world.simulator.faults.add(
      [
        {
          id: 'tags',
          route: '* /nodes/{node}/qemu/{vmid}/config',
          match: { params: { tags: 'pve-operator' } },
          times: 'always',
          status: 403,
          reason: "Permission check failed (/, Sys.Modify for modifying tag 'pve-operator')",
        } as never,
      ],
      [],
    )
    world.simulator.world.guests.get(9000)?.config.set('tags', 'gold')
    const vm = await world.born('untagged', { ...pack('10Gi'), runStrategy: 'Halted' })
    expect(world.guestOf(vm).config.get('tags')).toBe('gold')

    await world.stopOperator()
    await world.client.replaceStatus(proxmoxVMs, {
      ...vm,
      status: { observedGeneration: -1 },
    } as never)
    world.simulator.requests.reset()
    await world.startOperator()
    const found = await world.untilReady('untagged')
    expect(found.status?.vmid).toBe(vm.status?.vmid)
    expect(world.writes().filter((line) => line.endsWith('/clone'))).toEqual([])
  })
})
