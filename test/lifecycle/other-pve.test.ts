import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('another PVE at the endpoints', () => {
  let world: TestWorld
  let pool: string
  let other: Simulator
  let vms: ProxmoxVM[]
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    other = await startSimulator({ speed: 20 })
    pool = await world.pool(aV4Pool())
    const born = (name: string) => world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })
    vms = [await born('stays'), await born('goes')]
  })
  afterAll(async () => {
    await world.stop()
    await other.stop()
  })

  const cluster = async () => (await world.client.get(proxmoxClusters, { name: world.cluster })) as ProxmoxCluster
  const lead = (spec: object) => world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec })
  const writesAt = (simulator: Simulator) => simulator.requests.report().log.filter(({ method }) => method !== 'GET')

  it('gets no write, and nothing is concluded from what it shows: not a power, not an absence, also for a VM that is being deleted', async () => {
    const before = (await cluster()).status?.identity
    expect(before).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    await lead({ endpoints: [other.url] })
    for (const { metadata } of vms) {
      const lost = await world.untilCondition(metadata.name, 'Stalled', 'True', 'ClusterChanged', 60)
      expect([lost.status?.remoteStatus, lost.status?.phase]).toEqual([undefined, 'Unknown'])
      expect(world.condition(lost, 'Stalled')?.message).toContain(`${before} is the known one`)
    }
    await until('the cluster says so', async () => (await world.clusterCondition('Stalled'))?.reason === 'ClusterChanged')
    await world.delete('goes')
    await world.apply('new', { addresses: [{ name: 'main', poolRef: { name: pool } }] })
    await world.untilCondition('new', 'Stalled', 'True', 'ClusterChanged')
    await world.untilCondition('goes', 'Stalled', 'True', 'ClusterChanged')
    expect(writesAt(other)).toEqual([])
    expect(world.guests().filter(({ isRunning }) => isRunning)).toHaveLength(2)
    const held = (await world.addresses(pool)).filter(({ spec }) => spec.claimRef)
    expect(held.map(({ spec }) => spec.claimRef?.name)).toEqual(expect.arrayContaining(['goes', 'stays']))
    expect((await cluster()).status?.identity).toBe(before)
  })

  it('that gives way to the right one lets everything go on', async () => {
    await lead({ endpoints: [world.simulator.url] })
    await world.untilReady('stays', 60)
    await world.untilReady('new', 60)
    await world.untilGone('goes', 60)
    expect(writesAt(other)).toEqual([])
  })

  it('is taken once a person confirms it', async () => {
    await lead({ endpoints: [other.url] })
    const lost = await world.untilCondition('stays', 'Stalled', 'True', 'ClusterChanged', 60)
    const identity = /spec\.identity: "([0-9A-F:]{95})"/.exec(world.condition(lost, 'Stalled')?.message ?? '')?.[1]
    await lead({ identity })
    await world.untilCondition('stays', 'Ready', 'False', 'VMMissing', 60)
    await until('it is on record', async () => (await cluster()).status?.identity === identity)
  })
})
