/** What the end of one VM costs: each request is one that its safety needs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('the deletion of a VM', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await world.born('first')
    await until('the backup files of every node were read', async () => {
      world.skip(2_000)
      return ['pve1', 'pve2', 'pve3'].every((node) => world.requests().includes(`GET /nodes/${node}/storage/local/content`))
    })
  })
  afterAll(async () => await world.stop())

  /** Without the listing, which serves all VMs, and the looks at its tasks. */
  async function costOf(vm: ProxmoxVM): Promise<string[]> {
    const { name } = vm.metadata
    const ofVM = () => world.requests().filter((line) => line.includes(`/qemu/${vm.status?.vmid}`))
    const listings = () => world.requests().filter((line) => line.startsWith('GET /cluster/resources')).length
    await until('two listings of PVE were read in a row, and nobody looked at the VM', async () => {
      world.simulator.requests.reset()
      await until('they were read', () => world.skip(4_000) ?? listings() >= 2)
      return ofVM().length === 0
    })
    world.simulator.requests.reset()
    await world.delete(name)
    await world.untilGone(name)
    const own = world
      .requests()
      .filter((line) => line.includes(`/qemu/${vm.status?.vmid}`) || /[/]storage[/]|[/]cluster[/]status/.test(line))
    return own.filter((line) => !line.includes('/agent/')).map((line) => line.replace(world.pathOf(vm), '{vm}'))
  }

  it('that runs takes seven requests beside the looks at its tasks, and asks only the node where it is for backups', async () => {
    // Not the one over which a minute may have passed meanwhile: the background reads it again.
    const vm = await world.born('running')
    expect(await costOf(vm)).toEqual([
      'GET {vm}/pending',
      'GET {vm}/status/current',
      'GET /cluster/status',
      'POST {vm}/status/stop',
      'GET {vm}/pending',
      `GET /nodes/${vm.status?.node}/storage/local/content`,
      'DELETE {vm}',
    ])
  })

  it('that is off takes five', async () => {
    const vm = await world.born('halted', { runStrategy: 'Halted' })
    expect(await costOf(vm)).toEqual([
      'GET {vm}/pending',
      'GET {vm}/status/current',
      `GET /nodes/${vm.status?.node}/storage/local/content`,
      'GET /cluster/status',
      'DELETE {vm}',
    ])
  })

  it('asks every node where the VM was, also when the background reading saw none of its backups there', async () => {
    const vm = await world.born('moved')
    const [from = ''] = [vm.status?.node]
    const to = from === 'pve2' ? 'pve3' : 'pve2'
    await world.inPve('POST', `${world.pathOf(vm)}/migrate`, { target: to, online: 1, 'with-local-disks': 1 })
    await until('it has moved', async () => {
      world.skip(6_000)
      return (await world.vm('moved'))?.status?.node === to
    })
    const cost = await costOf((await world.vm('moved'))!)
    expect(cost).toEqual(expect.arrayContaining([from, to].map((node) => `GET /nodes/${node}/storage/local/content`)))
  })
})
