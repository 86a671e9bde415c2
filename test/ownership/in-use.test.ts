import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ipPools, poolAddresses, proxmoxClusters } from '../../src/api/meta.ts'
import type { IPPool } from '../../src/api/ippool.ts'
import type { AddressAnswer } from '../../src/plugin/who.ts'
import { at } from '../plugin/terminal.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { forget, forgetAddress } from './losing.ts'

const address = '203.0.113.10'

describe('an address that a guest without an object is configured with', () => {
  let world: TestWorld
  let pool: string
  beforeEach(async () => {
    world = await TestWorld.start({ speed: 20, operator: false })
    pool = await world.pool({ ranges: [`${address}-203.0.113.11`], prefixLength: 24, gateway: '203.0.113.1', network: { bridge: 'vmbr0' } })
  })
  afterEach(async () => await world.stop())

  const addresses = () => [{ name: 'main', poolRef: { name: pool } }]
  const stateOf = async () => (await world.addresses(pool)).find(({ spec }) => spec.address === address)?.spec
  const untilInUse = () => until('the address is in use', async () => ((await stateOf())?.state === 'InUse' ? await stateOf() : undefined))
  const foreign = (vmid: number, config: Record<string, string>) => {
    world.addGuest(vmid, 'pve1')
    const guest = world.simulator.world.guests.get(vmid)
    for (const [key, value] of Object.entries(config)) guest?.config.set(key, value)
  }

  it('goes to nobody when etcd is of before its order: the guest is read before the next VM is born', async () => {
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
  })

  it('is refused by name, whatever number and tag the guest has, and is free again when the guest lets go', async () => {
    foreign(500, { ipconfig0: `gw=203.0.113.1,ip=${address}/24` })
    await world.startOperator()
    await untilInUse()
    await world.apply('wants', { addresses: [{ name: 'main', poolRef: { name: pool }, address }] })
    const vm = await world.untilCondition('wants', 'Stalled', 'True', 'AddressTaken')
    expect(world.condition(vm, 'Stalled')?.message).toContain('VM 500')
    await world.inPve('PUT', '/nodes/pve1/qemu/500/config', { delete: 'ipconfig0' })
    // The guest is read again after a minute; a look may have been under way.
    await until('the address is free', async () => {
      world.clock.skip(2_000)
      return world.condition(await world.vm('wants'), 'Ready')?.status === 'True'
    })
  })

  it('stays in use for the next operator, which lets it go only after the guest is proved to be gone', async () => {
    foreign(500, { ipconfig0: `ip=${address}/24` })
    await world.startOperator()
    await untilInUse()
    await world.stopOperator()
    await world.startOperator()
    const vm = await world.born('other', { addresses: addresses() })
    expect(vm.status?.addresses?.[0]?.address).toBe('203.0.113.11')
    await world.inPve('DELETE', '/nodes/pve1/qemu/500')
    await until('the address is free', async () => (await stateOf())?.state !== 'InUse')
  })

  it('stays in use when its ProxmoxCluster is deleted, which the pool says, until somebody deletes the record', async () => {
    foreign(500, { ipconfig0: `ip=${address}/24` })
    await world.startOperator()
    const object = await untilInUse()
    await world.client.delete(proxmoxClusters, { name: world.cluster })
    const ready = async () =>
      ((await world.client.get(ipPools, { name: pool })) as IPPool | undefined)?.status?.conditions?.find(({ type }) => type === 'Ready')
    const sentence = `1 address stays InUse because ProxmoxCluster ${world.cluster}, whose guests used it, no longer exists`
    await until('the pool says why and what to do', async () => (await ready())?.message.includes(sentence))
    expect((await at(() => world.namespace)('who', address)).out).toContain('that ProxmoxCluster no longer exists: create it again')
    expect(await stateOf()).toEqual(object)
    for (const { metadata } of await world.addresses(pool)) await world.client.delete(poolAddresses, { name: metadata.name })
    await until('the pool has it again', async () => {
      const status = ((await world.client.get(ipPools, { name: pool })) as IPPool | undefined)?.status
      return status?.inUse === '0' && status.free === '2' && (await ready())?.message === 'the pool can allocate addresses'
    })
    expect(await stateOf()).toBeUndefined()
  })

  it('is not told of the same address of a pool for another network', async () => {
    foreign(500, { ipconfig0: `ip=${address}/24` })
    const elsewhere = freshName('dc')
    await world.editPool(pool, { clusterRefs: [{ name: world.cluster }] })
    const other = await world.pool({
      scope: elsewhere,
      clusterRefs: [{ name: elsewhere }],
      ranges: [address],
      prefixLength: 24,
      gateway: '203.0.113.1',
    })
    await world.startOperator()
    await untilInUse()
    const { out } = await at(() => world.namespace)('who', address, '-o', 'json')
    const guestsAt = (name: string) => (JSON.parse(out) as AddressAnswer[]).find((one) => one.pool === name)?.guests
    expect([guestsAt(pool), guestsAt(other)]).toMatchObject([[{ cluster: world.cluster, vmid: 500 }], undefined])
  })

  it('is in use through the set of addresses it may use as well', async () => {
    foreign(500, { net0: 'virtio=BC:24:11:00:00:07,bridge=vmbr0,firewall=1' })
    await world.inPve('POST', '/nodes/pve1/qemu/500/firewall/ipset', { name: 'ipfilter-net0' })
    await world.inPve('POST', '/nodes/pve1/qemu/500/firewall/ipset/ipfilter-net0', { cidr: `${address}/32` })
    await world.startOperator()
    expect(await untilInUse()).toMatchObject({ inUse: { vmid: 500 } })
  })
})
