/** What somebody changed in PVE is put right without a stop, also where something holds the repair up for a while. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a repair that waits for a lock', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const look = (name: string, at: string) => world.edit(name, { metadata: { annotations: { 'pve.hosting/look': at } } })

  /** Somebody gives it three cores and restarts it, and a lock stands when the operator looks. */
  async function heldUp(name: string): Promise<ProxmoxVM> {
    await world.apply(name)
    const vm = await world.untilReady(name)
    world.guestOf(vm).config.set('lock', 'backup')
    world.guestOf(vm).config.set('cores', '3')
    await look(name, 'locked')
    await world.untilCondition(name, 'Ready', 'False', 'StuckLock')
    return vm
  }

  async function released(name: string, vm: ProxmoxVM): Promise<string[]> {
    world.guestOf(vm).config.delete('lock')
    await look(name, 'free')
    await until('the cores are as declared', () => {
      const { config, pending } = world.guestOf(vm)
      return (pending.get('cores') ?? config.get('cores')) === '1'
    })
    await world.untilReady(name)
    return world.requests().filter((line) => line.includes(`/${vm.status?.vmid}/status/shutdown`))
  }

  it('stops nothing', async () => {
    const vm = await heldUp('held')
    expect(await released('held', vm)).toEqual([])
    const { history = [], step, change } = (await world.vm('held'))?.status ?? {}
    expect(history.at(-1)).toMatchObject({ step: 'set_cpu_ram', outcome: 'Repaired' })
    expect([step, change]).toEqual([undefined, undefined])
  })

  it('stops nothing after a restart of the operator', async () => {
    const vm = await heldUp('restarted')
    await world.killOperator()
    await world.startOperator()
    expect(await released('restarted', vm)).toEqual([])
  })

  it('is part of an edit that comes meanwhile, which may stop the VM', async () => {
    const vm = await heldUp('edited')
    await world.edit('edited', { spec: { package: { cpu: { cores: 1 }, memory: { size: '2Gi' } } } })
    world.guestOf(vm).config.delete('lock')
    await until(
      'the memory is as declared',
      () => world.guestOf(vm).config.get('memory')?.includes('2048') && !world.guestOf(vm).pending.size,
    )
    await world.untilReady('edited')
    expect((await world.vm('edited'))?.status?.history?.map(({ outcome }) => outcome)).toContain('Applied')
  })
})
