/** A change of settings whose answer is lost, that PVE carries out more than a minute later, and whose edit is withdrawn meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { HeldBegin } from '../support/held-begin.ts'
import { untilSeen } from '../support/seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a withdrawn change of settings whose answer was lost', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool({ reuseAfter: '0s' }))
  })
  afterAll(async () => await world.stop())

  const addressed = (address?: string) => ({ addresses: [{ name: 'main', poolRef: { name: pool }, ...(address && { address }) }] })
  const ipconfig = (vm: ProxmoxVM) => world.guestOf(vm).config.get('ipconfig0')
  const holderOf = async (address: string) =>
    (await world.addresses(pool)).find(({ spec }) => spec.address === address)?.spec.claimRef?.name
  const untilSays = (name: string, words: RegExp) =>
    until(`${name} says ${words}`, async () => {
      world.clock.skip(50)
      return words.test(world.condition(await world.vm(name), 'Ready')?.message ?? '')
    })
  /**
   * The request does not arrive, and the edit is withdrawn as soon as it has left, by the operator's clock at `sentMs`. `digest` is what PVE must
   * find unchanged to carry it out.
   */
  async function lostAndWithdrawn(vm: ProxmoxVM, edit: object, back: object): Promise<{ digest: string; sentMs: number }> {
    const { name } = vm.metadata
    const onItsWay = new HeldBegin(world.simulator)
    const { digest } = (await world.inPve('GET', `${world.pathOf(vm)}/config`)) as { digest: string }
    const isSent = () => world.simulator.faults.list().some(({ id, hits }) => id === name && hits === 1)
    const route = 'POST /nodes/{node}/qemu/{vmid}/config'
    world.simulator.faults.add([{ id: name, route, match: { vmid: vm.status?.vmid }, delayMs: onItsWay.ms, drop: 'before' }], [])
    await world.edit(name, { spec: edit })
    await until('it is sent', isSent)
    const sentMs = world.clock.monotonicMs()
    await untilSeen(world, await world.edit(name, { spec: back }))
    onItsWay.begin()
    await untilSays(name, /the change of settings of .* may have been lost/)
    return { digest, sentMs }
  }
  /** PVE carries it out after all. */
  const arrives = async (vm: ProxmoxVM, settings: Record<string, string>) =>
    void (await world.inPve('POST', `${world.pathOf(vm)}/config`, settings))

  it('keeps its address until PVE has carried it out, and takes it back', async () => {
    const vm = await world.born('moves', addressed())
    const { address: own = '' } = vm.status?.addresses?.[0] ?? {}
    const { digest } = await lostAndWithdrawn(vm, addressed('203.0.113.77'), addressed(own))
    await world.apply('waits', addressed('203.0.113.77'))
    await world.untilCondition('waits', 'Stalled', 'True', 'AddressTaken')
    expect([await holderOf('203.0.113.77'), ipconfig(vm)]).toEqual(['moves', `ip=${own}/24,gw=203.0.113.1`])

    await arrives(vm, { ipconfig0: 'ip=203.0.113.77/24,gw=203.0.113.1', digest })
    await until('it is taken back', () => {
      world.clock.skip(500)
      return ipconfig(vm)?.includes(`${own}/`)
    })
    await world.untilReady('moves')
    await until('its address is free', async () => {
      world.clock.skip(2_000)
      return (await holderOf('203.0.113.77')) === 'waits'
    })
    await world.untilReady('waits')
  })

  it('keeps the entry of its disk until PVE has made it, and deletes it', async () => {
    const vm = await world.born('grows')
    const logs = { name: 'logs', size: '8Gi', removalPolicy: 'Delete' }
    const { digest } = await lostAndWithdrawn(vm, { package: { additionalDisks: [logs] } }, { package: { additionalDisks: null } })
    const volumes = () => world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0).map(({ name }) => name)
    const before = volumes()
    await arrives(vm, { scsi1: 'local-lvm:8', digest })
    await until('PVE has made it', () => volumes().length > before.length)
    await until('it is deleted', () => {
      world.clock.skip(500)
      return volumes().length === before.length
    })
    await world.untilReady('grows')
  })

  it('is over five minutes after it at the latest, and then its address is free', async () => {
    const vm = await world.born('never', addressed())
    const { address: own = '' } = vm.status?.addresses?.[0] ?? {}
    const other = '203.0.113.88'
    const { sentMs } = await lostAndWithdrawn(vm, addressed(other), addressed(own))
    world.skip(sentMs + 270_000 - world.clock.monotonicMs())
    await untilSays('never', /may have been lost/)
    expect(await holderOf(other)).toBe('never')
    world.skip(35_000)
    await world.untilReady('never')
    expect(await holderOf(other)).toBeUndefined()
  })
})
