import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool, aV6Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('the addresses of a VM', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const main = (pool: string, address?: string) => [{ name: 'main', poolRef: { name: pool }, ...(address && { address }) }]
  const cloudInit = { user: 'admin' }
  const ipconfig = async (name: string) => world.guestOf(await world.untilReady(name)).config.get('ipconfig0')
  const v4 = (spec: object = {}) => world.pool(aV4Pool(spec))

  it('come by DHCP where none is declared', async () => {
    await world.apply('dhcp', { cloudInit })
    expect(await ipconfig('dhcp')).toBe('ip=dhcp,ip6=auto')
  })

  it('may be IPv6 alone', async () => {
    const pool = await world.pool(aV6Pool({ ranges: ['2001:db8:b::/64'], gateway: '2001:db8:b::1', network: { bridge: 'vmbr1' } }))
    await world.apply('six', { addresses: main(pool), cloudInit, package: { memory: { size: '1Gi' } } })
    expect(await ipconfig('six')).toMatch(/^ip6=2001:db8:b::[0-9a-f]+\/64,gw6=2001:db8:b::1$/)
  })

  it('are the ones asked for by name, or none', async () => {
    const pool = await v4({
      ranges: ['192.0.2.0/27'],
      gateway: '192.0.2.1',
      exclude: ['192.0.2.7'],
      reservations: [{ address: '192.0.2.9', for: { namespace: world.namespace, name: 'reserved' } }],
    })
    await world.apply('asking', { addresses: main(pool, '192.0.2.20') })
    await world.untilReady('asking')
    const refusals = {
      'too-late': ['192.0.2.20', 'AddressTaken'],
      'left-out': ['192.0.2.7', 'AddressExcluded'],
      'not-mine': ['192.0.2.9', 'AddressExcluded'],
      gateway: ['192.0.2.1', 'AddressExcluded'],
      elsewhere: ['198.51.100.4', 'AddressNotInPool'],
    } as const
    for (const [name, [address]] of Object.entries(refusals)) await world.apply(name, { addresses: main(pool, address) })
    await world.apply('reserved', { addresses: main(pool, '192.0.2.9') })

    for (const [name, [, reason]] of Object.entries(refusals)) {
      const vm = await world.untilCondition(name, 'AddressesAllocated', 'False', reason)
      expect(world.condition(vm, 'Ready')).toMatchObject({ status: 'False', reason })
      expect(vm.status?.vmid).toBeUndefined()
    }
    expect((await world.untilReady('reserved')).status?.addresses?.[0]?.address).toBe('192.0.2.9')
  })

  it('are waited for in the order of asking when a pool has run dry, and a pool that grows serves the rest', async () => {
    const pool = await v4({ ranges: ['198.51.100.10-198.51.100.11'], gateway: '198.51.100.1' })
    for (const name of ['first', 'second']) await world.apply(name, { addresses: main(pool) })
    for (const name of ['first', 'second']) await world.untilReady(name)
    for (const name of ['third', 'fourth', 'fifth']) {
      await world.apply(name, { addresses: main(pool) })
      await world.untilCondition(name, 'Ready', 'False', 'PoolExhausted')
    }

    await world.delete('first')
    const third = await world.untilReady('third')
    expect(third.status?.addresses?.[0]?.address).toMatch(/^198\.51\.100\.1[01]$/)
    for (const name of ['fourth', 'fifth'])
      expect(world.condition(await world.vm(name), 'Ready')).toMatchObject({ status: 'False', reason: 'PoolExhausted' })

    await world.editPool(pool, { ranges: ['198.51.100.10-198.51.100.20'] })
    await Promise.all(['fourth', 'fifth'].map((name) => world.untilReady(name)))
    const held = (await world.addresses(pool)).filter(({ spec }) => spec.claimRef).map(({ spec }) => spec.address)
    expect(new Set(held).size).toBe(4)
  })

  it('are swapped by an edit: the new one is in force before the old one is free', async () => {
    const pool = await v4({ ranges: ['203.0.113.64/27'], gateway: '203.0.113.65', prefixLength: 27 })
    const packaged = { network: { firewall: true }, firewall: { enabled: true, antiSpoofing: true } }
    await world.apply('moving', { addresses: main(pool, '203.0.113.70'), package: packaged, cloudInit })
    const vm = await world.untilReady('moving')
    await world.edit('moving', { spec: { addresses: main(pool, '203.0.113.80') } })
    await world.untilReady('moving')
    const file = world.simulator.world.firewall.get(vm.status?.vmid ?? 0)
    expect(file?.ipsets['ipfilter-net0']?.entries.map(({ cidr }) => cidr)).toEqual(['203.0.113.80'])
    await until('the old address is free', async () =>
      (await world.addresses(pool)).every(({ spec }) => spec.address !== '203.0.113.70' || !spec.claimRef),
    )
  })
})
