import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const patienceMs = 120_000

describe('a node that somebody is about to work on', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  }, patienceMs)
  afterAll(async () => await world.stop())

  const cordon = (nodes: string[] | null) => world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { cordon: nodes } })

  it(
    'takes no birth and no reinstall while it is cordoned; its VMs go on, and what waits is born when the cordon goes',
    async () => {
      const old = await world.born('old', { placement: { node: 'pve2' } })
      await cordon(['pve2'])
      await world.apply('waits', { placement: { node: 'pve2' } })
      const waits = await world.untilCondition('waits', 'Ready', 'False', 'NoCapacity')
      expect(world.condition(waits, 'Ready')?.message).toContain('pve2 is cordoned')
      await world.edit('old', { spec: { reinstall: { requestID: 'r1' } } })
      const refused = await world.untilCondition('old', 'Stalled', 'True', 'NoCapacity')
      expect(world.condition(refused, 'Stalled')?.message).toContain('nothing was deleted')
      expect(world.guestOf(old).isRunning).toBe(true)
      expect((await world.born('elsewhere')).status?.node).not.toBe('pve2')
      await world.edit('old', { spec: { reinstall: null } })
      await world.untilReady('old')
      await cordon(null)
      expect((await world.untilReady('waits')).status?.node).toBe('pve2')
    },
    patienceMs,
  )

  it(
    'takes none while the HA manager has it in maintenance, and the cluster shows it',
    async () => {
      world.simulator.faults.add([{ id: 'work', node: { name: 'pve3', state: 'maintenance' } }], [])
      await until('the listing shows it', async () => {
        world.clock.skip(2_000)
        const { status } = (await world.client.get(proxmoxClusters, { name: world.cluster })) ?? {}
        return status?.nodes?.some(({ name, maintenance }) => name === 'pve3' && maintenance)
      })
      await world.apply('later', { placement: { node: 'pve3' } })
      const waits = await world.untilCondition('later', 'Ready', 'False', 'NoCapacity')
      expect(world.condition(waits, 'Ready')?.message).toContain('pve3 is in maintenance')
      world.simulator.faults.remove('work')
      await until('it is born', async () => {
        world.clock.skip(2_000)
        return world.condition(await world.vm('later'), 'Ready')?.status === 'True'
      })
    },
    patienceMs,
  )
})
