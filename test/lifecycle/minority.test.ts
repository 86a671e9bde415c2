import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('the part of a PVE cluster that has no quorum', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const born = (name: string, node: string) =>
    world.born(name, { placement: { node }, addresses: [{ name: 'main', poolRef: { name: pool } }] })
  const holders = async () => (await world.addresses(pool)).flatMap(({ spec }) => spec.claimRef?.name ?? []).toSorted()
  const untilReason = async (name: string, ...reasons: string[]): Promise<ProxmoxVM> => {
    let last: ProxmoxVM | undefined
    return await until(
      `${name} is ${reasons.join(' or ')}`,
      async () => {
        last = await world.vm(name)
        return reasons.includes(world.condition(last, 'Ready')?.reason ?? '') ? last : undefined
      },
      { describe: () => last?.status?.conditions },
    )
  }

  it('is not believed when it shows a stranger under the VMID: nothing is concluded and no address is given back', async () => {
    const here = world.guestOf(await born('marked', 'pve1'))
    const description = here.config.get('description') ?? ''
    world.simulator.faults.add([{ id: 'split', minority: true }], [])
    here.config.set('description', 'as it was long ago')
    await world.delete('marked')
    await untilReason('marked', 'NoQuorum', 'ClusterNotReady')
    expect(await holders()).toEqual(['marked'])
    world.simulator.faults.remove('split')
    here.config.set('description', description)
    await world.untilGone('marked', 60)
    expect(world.simulator.world.guests.has(here.vmid)).toBe(false)
    expect(await holders()).toEqual([])
  })

  it('deletes nothing, frees nothing, and what was asked for meanwhile is done afterwards', async () => {
    const away = world.guestOf(await born('away', 'pve2'))
    const here = world.guestOf(await born('here', 'pve1'))
    world.simulator.faults.add([{ id: 'split', minority: true }], [])
    const before = world.writes().length
    await world.delete('away')
    await world.delete('here')
    await untilReason('here', 'NoQuorum', 'ClusterNotReady', 'NodeOffline')
    await untilReason('away', 'NoQuorum', 'ClusterNotReady', 'NodeOffline')
    expect(await holders()).toEqual(['away', 'here'])
    expect([away, here].every(({ vmid }) => world.simulator.world.guests.has(vmid))).toBe(true)
    expect(world.writes().slice(before).length).toBeLessThan(20)
    world.simulator.faults.remove('split')
    await world.untilGone('away', 60)
    await world.untilGone('here', 60)
    expect(await holders()).toEqual([])
  })
})
