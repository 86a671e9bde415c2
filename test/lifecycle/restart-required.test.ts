import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('what a running guest does not have yet', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const required = (vm: ProxmoxVM | undefined) => world.condition(vm, 'RestartRequired')
  const starts = () => world.writes().filter((line) => line.endsWith('/status/start')).length
  const untilRequired = async (name: string, text: string) =>
    await until(`${name} names ${text}`, async () => {
      const vm = await world.vm(name)
      const { status, message } = required(vm) ?? {}
      return status === 'True' && message?.includes(text) ? vm : undefined
    })

  it('is named field by field and restarts nothing, until the VM was off', async () => {
    await world.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'password', namespace: world.namespace },
      stringData: { password: 'first-Secret-1' },
    })
    const passwordSecretRef = { name: 'password', key: 'password' }
    const vm = await world.born('named', { cloudInit: { user: 'admin', passwordSecretRef } })
    expect(required(vm)?.status).toBe('False')
    const before = starts()

    await world.client.mergePatch(
      secrets,
      { namespace: world.namespace, name: 'password' },
      { stringData: { password: 'second-Secret-2' } },
    )
    await world.edit('named', { spec: { hostname: 'web-1', cloudInit: { user: 'operator', nameservers: ['192.0.2.53'] } } })
    await world.untilReady('named')

    const now = await untilRequired('named', 'host name, user, password, name servers')
    expect(JSON.stringify(now.status)).not.toContain('Secret-2')
    expect(world.condition(now, 'Ready')?.status).toBe('True')
    expect(starts()).toBe(before)

    await world.inPve('POST', `${world.pathOf(now)}/status/stop`)
    await world.untilCondition('named', 'RestartRequired', 'False')
    expect((await world.vm('named'))?.status).not.toHaveProperty('guestSeen')
  })

  it('is the gateway of a pool that was edited under many VMs, which all run on', async () => {
    const pool = await world.pool(aV4Pool({ ranges: ['10.8.0.10-10.8.0.40'], gateway: '10.8.0.1' }))
    const names = ['one', 'two', 'three', 'four']
    for (const name of names)
      await world.apply(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], cloudInit: { user: 'admin' } })
    for (const name of names) await world.untilReady(name)
    const before = starts()

    await world.editPool(pool, { gateway: '10.8.0.254', nameservers: ['10.8.0.53'] })
    await until('all of them say so', async () => {
      world.skip(2_000)
      const vms = await Promise.all(names.map((name) => world.vm(name)))
      return vms.every((vm) => required(vm)?.message.includes('gateway or prefix of its address, name servers'))
    })

    expect(starts()).toBe(before)
    for (const name of names) {
      const vm = (await world.vm(name)) as ProxmoxVM
      expect(world.guestOf(vm).config.get('ipconfig0')).toContain('gw=10.8.0.254')
      expect(vm.status?.addresses?.some(({ state }) => state)).toBe(false)
    }
  })

  it('is an address that stays held after the recovery on another node, until the VM was off', async () => {
    const pool = await world.pool(aV4Pool({ ranges: ['10.9.0.10-10.9.0.40'], gateway: '10.9.0.1', reuseAfter: '0s' }))
    const main = (address: string) => ({ addresses: [{ name: 'main', poolRef: { name: pool }, address }] })
    const vm = await world.born('recovered', { ...main('10.9.0.10'), cloudInit: { user: 'admin' }, restartPolicy: 'Manual' })
    world.skip(40_000)
    await world.edit('recovered', { spec: main('10.9.0.15') })
    await untilRequired('recovered', 'addresses')
    const guest = world.guestOf(vm)
    const { process } = guest
    // What HA does of a node that was fenced: the VM starts on another one, and nobody saw it off.
    guest.node = guest.node === 'pve1' ? 'pve2' : 'pve1'
    if (process) process.sinceMs = world.simulator.world.clock.now()
    world.skip(40_000)
    const state = async () => (await world.addresses(pool)).find(({ spec }) => spec.address === '10.9.0.10')?.spec.state
    const moved = await until('the move was judged', async () => {
      world.skip(2_000)
      const now = await world.vm('recovered')
      return now?.status?.guestSeen?.node === guest.node ? now : undefined
    })
    expect(await state()).toBe('Releasing')

    await world.inPve('POST', `/nodes/${guest.node}/qemu/${moved.status?.vmid}/status/stop`)
    await until('it is released', async () => {
      world.skip(2_000)
      return (await state()) === 'Released'
    })
  })
})
