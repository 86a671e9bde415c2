/** What can be sold, on the control plane: what the operator writes into VMPackages, and when. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, vmPackages } from '../../src/api/meta.ts'
import type { VMPackage } from '../../src/api/vmpackage.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

/** Four of them fill the memory of a node of the preset, which has 256 GiB. */
const large = { cpu: { cores: 1 }, memory: { size: '64Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } }
const allNodes = 'memory of nodes pve1, pve2, pve3'

describe('what can be sold', () => {
  let world: TestWorld
  let name: string
  const find = async (of = name): Promise<VMPackage | undefined> => await world.get<VMPackage>(vmPackages, of)
  /** Lets a minute pass, and another, until the package says that of this cluster. */
  const untilSellable = async (count: number, limitedBy: string, of = name): Promise<VMPackage> => {
    let last: VMPackage | undefined
    return await until(
      `${count} of ${of} can be sold`,
      async () => {
        world.skip(61_000)
        last = await find(of)
        const rows = last?.status?.sellable ?? []
        return rows.length === 1 && rows[0]?.count === count && rows[0].limitedBy === limitedBy ? last : undefined
      },
      { everyMs: 500, describe: () => last?.status },
    )
  }

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, limits: { overcommit: { memory: '1' } } })
    name = await world.package(large)
  })
  afterAll(async () => await world.stop())

  it('is counted as soon as PVE has answered', async () => {
    const { metadata, status } = await untilSellable(12, allNodes)
    expect(status).toEqual({ sellable: [{ cluster: world.cluster, count: 12, limitedBy: allNodes }], summary: `${world.cluster} 12` })
    expect(metadata.generation).toBe(1)
  })

  it('falls when a VM is born, whose package stays the current one', async () => {
    await world.apply('first', { packageRef: { name }, package: {} })
    await world.untilReady('first')
    await untilSellable(11, allNodes)
    const before = await world.vm('first')
    expect(before?.status?.packageSource).toMatchObject({ name, generation: 1 })
    expect(world.condition(before, 'PackageApplied')?.status).toBe('True')
  })

  it('is not written while nothing changes', async () => {
    const before = await find()
    for (const _ of [1, 2, 3]) {
      // It is counted after everything that was there before it.
      const probe = await world.package({ ...large, memory: { size: '128Gi' } })
      await until(
        'the next package is counted',
        async () => {
          world.skip(61_000)
          return (await find(probe))?.status?.sellable?.length === 1
        },
        { everyMs: 500 },
      )
      await world.client.delete(vmPackages, { name: probe })
    }
    expect((await find())?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
  })

  it('falls with a node that is off, and rises when it comes back', async () => {
    const home = (await world.vm('first'))?.status?.node
    const [away] = ['pve1', 'pve2', 'pve3'].filter((node) => node !== home)
    world.simulator.faults.add([{ id: 'off', node: { name: away!, state: 'off' } }], [])
    const others = ['pve1', 'pve2', 'pve3'].filter((node) => node !== away)
    await untilSellable(7, `memory of nodes ${others.join(', ')}; not counted: ${away} is offline`)
    world.simulator.faults.remove('off')
    await untilSellable(11, allNodes)
  })

  it('rises when a VM goes', async () => {
    await world.delete('first')
    await world.untilGone('first')
    await untilSellable(12, allNodes)
  })

  it('follows an edit of the ProxmoxCluster and of the package', async () => {
    await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { cordon: ['pve1'] } })
    await untilSellable(8, 'memory of nodes pve2, pve3; not counted: pve1 is cordoned')
    await world.client.mergePatch(vmPackages, { name }, { spec: { memory: { size: '32Gi' } } })
    const { metadata } = await untilSellable(16, 'memory of nodes pve2, pve3; not counted: pve1 is cordoned')
    expect(metadata.generation).toBe(2)
  })

  it('stands in a column of kubectl get', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const table = (await world.client.request('GET', `/apis/pve.hosting/v1alpha1/vmpackages/${name}`, undefined, { accept })) as {
      columnDefinitions: { name: string }[]
      rows: { cells: unknown[] }[]
    }
    const at = table.columnDefinitions.findIndex((column) => column.name === 'Sellable')
    expect(table.rows[0]?.cells[at]).toBe(`${world.cluster} 16`)
  })

  it('is written at most once a minute for each package', async () => {
    const cordon = (nodes: readonly string[]) =>
      world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { cordon: nodes } })
    const rowOf = async (of: string) => (await find(of))?.status?.sellable?.[0]
    const { stores } = world.operator!.operator
    const isCordoned = (count: number) => stores.clusters.get(world.cluster)?.spec.cordon?.length === count
    // From here on the clock is moved by less than a minute after the write.
    world.skip(61_000)
    await cordon(['pve1', 'pve2'])
    await until('the edit is seen', () => isCordoned(2))
    world.skip(11_000)
    await until('the package is written', async () => (await rowOf(name))?.count === 8)
    const written = await find()
    await cordon(['pve1'])
    const probe = await world.package({ ...large, memory: { size: '128Gi' } })
    await until('edit and package are seen', () => isCordoned(1) && stores.packages.get(probe) !== undefined)
    world.skip(11_000)
    await until('the other package is counted after the edit', async () => (await rowOf(probe))?.count === 4)
    expect((await find())?.metadata.resourceVersion).toBe(written?.metadata.resourceVersion)
    await untilSellable(16, 'memory of nodes pve2, pve3; not counted: pve1 is cordoned')
    await world.client.delete(vmPackages, { name: probe })
  })

  it('is not written again by the next process', async () => {
    const before = await find()
    await world.stopOperator()
    await world.startOperator()
    const probe = await world.package({ ...large, memory: { size: '128Gi' } })
    await untilSellable(4, 'memory of nodes pve2, pve3; not counted: pve1 is cordoned', probe)
    expect((await find())?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
  })
})
