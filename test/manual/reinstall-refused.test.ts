// A reinstall that PVE would refuse half-way is refused before the VM is touched.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { clonesOf } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { outcomeOf } from './buttons.ts'

describe('a reinstall that PVE would refuse', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const vmidOf = (vm: ProxmoxVM) => vm.status?.vmid ?? 0
  const ask = (name: string, reinstall: object | null) => world.edit(name, { spec: { reinstall } })
  const isWhole = (vm: ProxmoxVM) => world.simulator.world.guests.get(vmidOf(vm))?.isRunning === true && clonesOf(world, vmidOf(vm)) === 1

  it('because the pool of the ProxmoxCluster does not exist in PVE deletes nothing, and goes on once it is there', async () => {
    const vm = await world.born('no-pve-pool')
    const inPool = async (pvePool: string | null) => {
      await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { pvePool } })
      const live = () => world.operator?.operator.clusters.directory.live(world.cluster)
      await until('the operator knows', () => live()?.spec.pvePool === (pvePool ?? undefined))
    }
    await inPool('sold')
    await ask('no-pve-pool', { requestID: 'r1' })
    const stalled = await world.untilCondition('no-pve-pool', 'Stalled', 'True', 'InvalidForPVE')
    expect(world.condition(stalled, 'Stalled')?.message).toContain(
      `Reinstall r1 has not begun, and nothing was deleted. PVE has no pool "sold" (spec.pvePool of ProxmoxCluster ${world.cluster})`,
    )
    expect(isWhole(vm)).toBe(true)
    await world.inPve('POST', '/pools', { poolid: 'sold' })
    await world.edit('no-pve-pool', { metadata: { labels: { look: 'again' } } })
    await until('it is done', async () => (await world.vm('no-pve-pool'))?.status?.reinstall?.completedIDs?.includes('r1'))
    expect(world.simulator.world.access.poolOf(vmidOf(vm))).toBe('sold')
    await inPool(null)
  })

  it('because PVE replicates the VM deletes nothing and cuts no power; neither does Remove, and a termination takes the job along', async () => {
    const vm = await world.born('replicated')
    const job = `${vmidOf(vm)}-0`
    const target = [...world.simulator.world.nodes.keys()].find((node) => node !== world.guestOf(vm).node) ?? ''
    await world.inPve('POST', '/cluster/replication', { id: job, type: 'local', target })
    const told = `PVE replicates VM ${vmidOf(vm)} (job ${job})`
    await ask('replicated', { requestID: 'r1' })
    const stalled = await world.untilCondition('replicated', 'Stalled', 'True', 'WouldBeLost')
    expect(world.condition(stalled, 'Stalled')?.message).toContain(told)
    expect(isWhole(vm)).toBe(true)
    await ask('replicated', null)
    await world.untilReady('replicated')
    expect(await outcomeOf(world, 'replicated', 'Stop')).toContain('Succeeded')
    expect(await outcomeOf(world, 'replicated', 'Remove')).toContain(`Failed: ${told}`)
    expect(world.simulator.world.guests.has(vmidOf(vm))).toBe(true)
    await world.delete('replicated')
    await world.untilGone('replicated')
    expect(await world.inPve('GET', '/cluster/replication')).toEqual([])
  })
})
