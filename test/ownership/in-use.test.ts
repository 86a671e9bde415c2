import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ipPools } from '../../src/api/meta.ts'
import type { IPPool } from '../../src/api/ippool.ts'
import { at } from '../plugin/terminal.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { forget, forgetAddress } from './losing.ts'

const patienceMs = 120_000
const address = '203.0.113.10'

describe('an address that a guest without an object is configured with', () => {
  let world: TestWorld
  let pool: string
  beforeEach(async () => {
    world = await TestWorld.start({ speed: 20, operator: false })
    pool = await world.pool({ ranges: [`${address}-203.0.113.11`], prefixLength: 24, gateway: '203.0.113.1', network: { bridge: 'vmbr0' } })
  }, patienceMs)
  afterEach(async () => await world.stop())

  const addresses = () => [{ name: 'main', poolRef: { name: pool } }]
  const stateOf = async () => (await world.addresses(pool)).find(({ spec }) => spec.address === address)?.spec
  const untilInUse = () => until('the address is in use', async () => ((await stateOf())?.state === 'InUse' ? await stateOf() : undefined))
  const foreign = (vmid: number, config: Record<string, string>) => {
    world.addGuest(vmid, 'pve1')
    const guest = world.simulator.world.guests.get(vmid)
    for (const [key, value] of Object.entries(config)) guest?.config.set(key, value)
  }

  it(
    'goes to nobody when etcd is of before its order: the guest is read before the next VM is born',
    async () => {
      await world.startOperator()
      const lost = await world.born('lost', { addresses: addresses() })
      await world.stopOperator()
      await forget(world, 'lost')
      for (const object of await world.addresses(pool)) await forgetAddress(world, object)
      await world.apply('next', { addresses: addresses() })
      await world.startOperator()
      const next = await world.untilReady('next')
      expect(next.status?.addresses?.[0]?.address).not.toBe(lost.status?.addresses?.[0]?.address)
      expect(await untilInUse()).toMatchObject({ inUse: { cluster: world.cluster, vmid: lost.status?.vmid, name: 'lost' } })
      expect((await at(() => world.namespace)('who', address)).out).toMatch(new RegExp(`InUse(.|\n)*VM ${lost.status?.vmid}`))
      const counted = async () => (await world.client.get(ipPools, { name: pool })) as IPPool | undefined
      await until('the pool counts it', async () => (await counted())?.status?.inUse === '1')
    },
    patienceMs,
  )

  it(
    'is refused by name, whatever number and tag the guest has, and is free again when the guest lets go',
    async () => {
      foreign(500, { ipconfig0: `gw=203.0.113.1,ip=${address}/24` })
      await world.startOperator()
      await untilInUse()
      await world.apply('wants', { addresses: [{ name: 'main', poolRef: { name: pool }, address }] })
      const vm = await world.untilCondition('wants', 'Stalled', 'True', 'AddressTaken')
      expect(world.condition(vm, 'Stalled')?.message).toContain('VM 500')
      await world.inPve('PUT', '/nodes/pve1/qemu/500/config', { delete: 'ipconfig0' })
      world.clock.skip(61_000)
      await world.untilReady('wants', 60)
    },
    patienceMs,
  )

  it(
    'stays in use for the next operator, which lets it go only after the guest is proved to be gone',
    async () => {
      foreign(500, { ipconfig0: `ip=${address}/24` })
      await world.startOperator()
      await untilInUse()
      await world.stopOperator()
      await world.startOperator()
      const vm = await world.born('other', { addresses: addresses() })
      expect(vm.status?.addresses?.[0]?.address).toBe('203.0.113.11')
      await world.inPve('DELETE', '/nodes/pve1/qemu/500')
      await until('the address is free', async () => (await stateOf())?.state !== 'InUse', { seconds: 60 })
    },
    patienceMs,
  )

  it(
    'is in use through the set of addresses it may use as well',
    async () => {
      foreign(500, { net0: 'virtio=BC:24:11:00:00:07,bridge=vmbr0,firewall=1' })
      await world.inPve('POST', '/nodes/pve1/qemu/500/firewall/ipset', { name: 'ipfilter-net0' })
      await world.inPve('POST', '/nodes/pve1/qemu/500/firewall/ipset/ipfilter-net0', { cidr: `${address}/32` })
      await world.startOperator()
      expect(await untilInUse()).toMatchObject({ inUse: { vmid: 500 } })
    },
    patienceMs,
  )
})
