import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { markOf } from '../../src/ladder/mark.ts'
import { aV4Pool } from '../support/builders.ts'
import { TestWorld } from '../support/world.ts'

describe('at the end of an object, the guest under its VMID', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const born = (name: string) => world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })
  const describedAs = (vm: ProxmoxVM, config: Record<string, string>) => world.inPve('PUT', `${world.pathOf(vm)}/config`, config)
  const holderOf = async (vm: ProxmoxVM) =>
    (await world.addresses(pool)).find(({ spec }) => spec.address === vm.status?.addresses?.[0]?.address)?.spec.claimRef?.uid
  const otherNic = 'virtio=AA:BB:CC:00:11:22,bridge=vmbr0'

  it("is nobody else's while it uses our address, though mark and network card are others: nothing is touched or freed", async () => {
    const vm = await born('rewritten')
    await describedAs(vm, { description: 'mine', net0: otherNic })
    await world.delete('rewritten')
    const stalled = await world.untilCondition('rewritten', 'Stalled', 'True', 'VMForeign')
    const address = vm.status?.addresses?.[0]?.address ?? ''
    expect(world.condition(stalled, 'Stalled')?.message).toContain(`uses ${address}`)
    expect(world.guestOf(vm).isRunning).toBe(true)
    expect(await holderOf(vm)).toBe(vm.metadata.uid)
    await describedAs(vm, { description: markOf(vm.metadata.uid ?? '', vm.status?.vmid ?? 0) })
    world.skip(301_000)
    await world.untilGone('rewritten')
    expect(await holderOf(vm)).toBeUndefined()
  })

  it("is another's when it has neither mark nor network card nor address of ours: it is left alone, and ours counts as gone", async () => {
    const vm = await born('replaced')
    await describedAs(vm, { description: 'mine', net0: otherNic, delete: 'ipconfig0' })
    await world.delete('replaced')
    await world.untilGone('replaced')
    expect(world.guestOf(vm).isRunning).toBe(true)
    expect(await holderOf(vm)).toBeUndefined()
  })
})
