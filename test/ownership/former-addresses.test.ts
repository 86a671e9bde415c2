/** A former object had more addresses than the manifest that is applied again: what its guest may use goes to nobody else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { outcomeOf } from '../manual/buttons.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { forget } from './losing.ts'

describe('a VM that is taken over from a former object by a manifest with fewer addresses', () => {
  let world: TestWorld
  beforeAll(async () => void (world = await TestWorld.start({ speed: 20 })), 120_000)
  afterAll(async () => await world.stop())

  it('keeps the other one while the set that stays as found allows it, says so, and lets go when that is put right', async () => {
    const pool = await world.pool(aV4Pool())
    const [main, extra] = ['main', 'extra'].map((name) => ({ name, poolRef: { name: pool } }))
    const former = await world.born('shop', { addresses: [main, extra], package: vpsM })
    const other = former.status?.addresses?.[1]?.address ?? ''
    await world.stopOperator()
    await forget(world, 'shop')
    const adopt = {
      vmid: former.status?.vmid,
      macAddress: former.status?.interfaces?.[0]?.macAddress,
      mode: 'Take',
      fromUID: former.metadata.uid,
    }
    await world.apply('shop', { addresses: [main], package: vpsM, adopt })
    await world.startOperator()
    await world.untilCondition('shop', 'NetworkConfigured', 'True')
    const vm = await until('it is told', async () => {
      const now = await world.vm('shop')
      return world.condition(now, 'AddressesAllocated')?.message.includes(other) ? now : undefined
    })
    const holderOf = async () => (await world.addresses(pool)).find(({ spec }) => spec.address === other)?.spec.claimRef?.uid
    expect(await holderOf()).toBe(vm.metadata.uid)
    expect(world.condition(await world.untilReady('shop'), 'AddressesAllocated')?.message).toContain('kubectl pve set-firewall')
    expect(await outcomeOf(world, 'shop', 'SetFirewall')).toContain('Succeeded')
    await until('it is released', async () => (await holderOf()) === undefined)
  })
})
