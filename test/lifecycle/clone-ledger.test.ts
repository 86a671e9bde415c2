import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { HeldBegin } from '../support/held-begin.ts'
import { guestsOf } from '../support/portrait.ts'
import { untilDeletionSeen } from '../support/seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const clone = 'POST /nodes/{node}/qemu/{vmid}/clone'

/** Each loses the answer to a clone request that takes effect later. */
describe('a clone request without an answer', () => {
  let world: TestWorld
  let lost: HeldBegin
  beforeEach(async () => {
    world = await TestWorld.start({ speed: 20 })
    lost = new HeldBegin(world.simulator)
  })
  afterEach(async () => await world.stop())

  /** PVE does it when `lost` begins, and its worker is nowhere to be seen until then. */
  const loseClone = () => world.simulator.faults.add([{ id: 'lost', route: clone, drop: 'after', beginAfterMs: lost.ms }], [])
  const clonesSent = () => world.simulator.requests.report().log.filter(({ method, path }) => method === 'POST' && path.endsWith('/clone'))
  const waitsForIt = (name: string) =>
    until(`${name} waits for the answer`, async () => {
      const vm = await world.vm(name)
      return world.condition(vm, 'Ready')?.message.includes('may have been lost') && vm
    })
  const oneVM = async (vm: ProxmoxVM) => {
    expect(guestsOf(world, vm).map((guest) => guest.vmid)).toEqual([vm.status?.vmid])
    expect(world.guests()).toHaveLength(1)
  }

  it('and a second one that PVE begins first make one VM', async () => {
    loseClone()
    await world.apply('late')
    const waiting = await waitsForIt('late')
    world.skip(61_000)
    await until('PVE begins the second one', () => world.guests().length > 0)
    lost.begin()
    const vm = await world.untilReady('late', 60)

    expect(vm.status?.vmid).toBe(waiting.status?.vmid)
    expect(clonesSent()).toHaveLength(2)
    expect(vm.status?.cloneRequests?.map(({ ended }) => ended)).toEqual([undefined, true])
    world.skip(301_000)
    await until('nothing of it can come any more', async () => (await world.vm('late'))?.status?.cloneRequests === undefined)
    await oneVM(vm)
  })

  it('that PVE begins only when the next one is under way leaves one VM, and nobody is told to destroy it', async () => {
    const next = new HeldBegin(world.simulator)
    world.simulator.faults.add([{ id: 'next', route: clone, after: 1, beginAfterMs: next.ms }], [])
    loseClone()
    await world.apply('twins')
    const waiting = await waitsForIt('twins')
    world.skip(61_000)
    await until('the next one is under way', () => clonesSent().length === 2)
    lost.begin()
    await until('PVE begins the first one', () => world.guests().length > 0)
    next.begin()
    const vm = await world.untilReady('twins', 60)

    expect(vm.status?.vmid).toBe(waiting.status?.vmid)
    await until('the other request has ended', async () => {
      world.skip(15_000)
      return (await world.vm('twins'))?.status?.cloneRequests === undefined
    })
    await oneVM(vm)
    expect(JSON.stringify((await world.vm('twins'))?.status?.history)).not.toContain('qm destroy')
  })

  it('is waited for by a deletion that comes when its number was given up and no other was chosen', async () => {
    world.simulator.faults.add([{ id: 'lost', route: clone, drop: 'before' }], [])
    await world.apply('between')
    await waitsForIt('between')
    await world.edit('between', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
    const { status } = await world.untilCondition('between', 'Paused', 'True')
    const cloned = { type: 'Cloned', status: 'True', reason: 'Succeeded', message: '', lastTransitionTime: new Date().toISOString() }
    const key = { namespace: world.namespace, name: 'between' }
    const chosen = {
      vmid: null,
      intentAt: null,
      node: null,
      template: null,
      step: null,
      conditions: [...(status?.conditions ?? []), cloned],
    }
    await world.client.mergePatch(proxmoxVMs, key, { status: chosen }, { subresource: 'status' })
    await world.delete('between')
    await world.edit('between', { metadata: { annotations: { 'pve.hosting/paused': null } } })
    await until('it is gone', async () => {
      world.skip(10_000)
      return (await world.vm('between')) === undefined
    })

    expect(world.guests()).toEqual([])
    expect(world.requests().filter((line) => line.includes('/qemu/0'))).toEqual([])
  })

  it('is given its minute by the next operator from when it left, however long the VM had waited', async () => {
    await world.apply('queued', { template: { vmid: 9000 } })
    await world.untilReady('queued')
    const death = world.operator?.wire.dieAt(({ what }) => what === clone, 'after')
    world.simulator.world.spec.durations.cloneSilentMs = 60_000
    await world.apply('killed', { template: { vmid: 9000 } })
    await death
    await world.killOperator()
    world.clock.jump(3_600_000)
    await world.startOperator()
    const vm = await world.untilReady('killed', 60)

    expect(clonesSent()).toHaveLength(2)
    expect(guestsOf(world, vm)).toHaveLength(1)
  })

  it('keeps a deleted object until its clone has come and was taken down', async () => {
    loseClone()
    const { metadata } = await world.apply('deleted')
    await waitsForIt('deleted')
    await world.delete('deleted')
    await untilDeletionSeen(world, 'deleted')
    world.skip(120_000)
    lost.begin()
    await until('its clone comes', () => world.guests().length > 0)
    await until('and is taken down', () => world.guests().length === 0)
    expect((await world.vm('deleted'))?.metadata.uid ?? metadata.uid).toBe(metadata.uid)
    await until('the object is let go', async () => {
      world.skip(10_000)
      return (await world.vm('deleted')) === undefined
    })
    expect(world.guests()).toEqual([])
  })

  it('is waited for as long as before when the clock of the machine jumps back', async () => {
    let isLost = false
    world.operator?.wire.judgedBy(({ what }) => (what === clone && !isLost && (isLost = true) ? 'lost before' : 'pass'))
    await world.apply('jump')
    await waitsForIt('jump')
    world.clock.jump(-3_600_000)
    world.skip(61_000)
    await oneVM(await world.untilReady('jump'))
  })
})
