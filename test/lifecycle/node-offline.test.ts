import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { coreEvents, proxmoxClusters } from '../../src/api/meta.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import { finished, press, reasonOf } from '../manual/buttons.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a node that is off', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
    const addresses = [{ name: 'main', poolRef: { name: pool } }]
    await world.born('there', { placement: { node: 'pve2' }, runStrategy: 'Always', addresses })
    await world.born('elsewhere', { placement: { node: 'pve1' }, addresses })
    await world.born('doomed', { placement: { node: 'pve2' }, addresses })
  })
  afterAll(async () => await world.stop())

  it('leaves its VMs Ready=Unknown with an unknown power, holds up no deletion elsewhere, and gives away nothing of its own', async () => {
    world.simulator.faults.add([{ id: 'off', node: { name: 'pve2', state: 'off' } }], [])
    const vm = await until('the VM says that its node is off', async () => {
      const now = await world.vm('there')
      return world.condition(now, 'Ready')?.reason === 'NodeOffline' ? now : undefined
    })
    expect(world.condition(vm, 'Ready')).toMatchObject({ status: 'Unknown', message: expect.stringContaining('Node pve2') })
    expect(world.condition(vm, 'Reconciling')?.status).toBe('True')
    expect([vm.status?.remoteStatus, vm.status?.phase]).toEqual([undefined, 'Unknown'])
    await world.delete('doomed')
    await world.delete('elsewhere')
    await world.untilGone('elsewhere', 60)
    const held = (await world.addresses(pool)).flatMap(({ spec }) => spec.claimRef?.name ?? [])
    expect(held.toSorted()).toEqual(['doomed', 'there'])
  })

  it('is named by its ProxmoxCluster with the number of its VMs, in one Event, and its column counts the others', async () => {
    const online = await until('the cluster says so', async () => {
      const now = await world.clusterCondition('NodesOnline')
      return now?.status === 'False' && now.message.includes('with 2 VMs') ? now : undefined
    })
    expect(online.message).toContain('1 of 3 nodes is offline: pve2, with 2 VMs.')
    const cluster = await world.get<ProxmoxCluster>(proxmoxClusters, world.cluster)
    expect(cluster?.status?.nodesOnline).toBe('2/3')
    const told = await until('the Event is written', async () => {
      const events = await world.client.list(coreEvents, { namespace: 'default' })
      const of = events.filter((event) => event.regarding?.name === world.cluster && event.reason === 'NodeOffline')
      return of.length > 0 ? of : undefined
    })
    expect(told.map(({ note }) => note)).toEqual(['Offline now: pve2, with 2 VMs.'])
  })

  it('ends the commands on its VMs within seconds, with its name, and nothing is done for them later', async () => {
    // Long before the next look at a VM that nobody can see, which comes after a minute.
    const command = await finished(world, await press(world, 'there', 'Stop'), 40)
    expect(`${command.status?.phase}: ${command.status?.message}`).toMatch(/^Failed: Nothing was done. Node pve2 of VM \d+ is offline/)
    expect(reasonOf(command)).toBe('NodeOffline')
  })

  it('that comes back lets its VMs go on', async () => {
    world.simulator.faults.remove('off')
    await world.untilReady('there', 60)
    await world.untilGone('doomed', 60)
  })
})
