import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { leases } from '../../src/api/meta.ts'
import { aV4Pool } from '../support/builders.ts'
import { clonesOf } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('two operators', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, operator: false })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const apply = (name: string) => world.apply(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })
  const holder = async () => (await world.client.get(leases, { namespace: world.namespace, name: 'pve-operator' }))?.spec?.holderIdentity

  it('are one that acts and one that waits, and a stop hands over without a second clone', async () => {
    const first = await world.startOperator({ leaderElect: true })
    await until('the first leads', () => first.operator.election?.leading)
    const second = await world.startOperator({ leaderElect: true })
    await apply('one')
    await world.untilReady('one')
    expect([first.operator.election?.leading, second.operator.election?.leading]).toEqual([true, false])
    expect(second.wire.writes.filter(({ to }) => to === 'kube')).toEqual([])

    // A clone is under way when the first one stops.
    world.simulator.faults.add([{ id: 'slow', route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { extraMs: 40_000 } }], [])
    await apply('two')
    await until('the clone is under way', async () => (await world.vm('two'))?.status?.step?.upid)
    const before = await holder()
    await first.stop()
    await until('the second leads', () => second.operator.election?.leading)
    expect(await holder()).not.toBe(before)
    const vm = await world.untilReady('two')
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
    expect(world.guests()).toHaveLength(2)
  })

  it('are safe when the leader is cut off: it stops acting before another may begin', async () => {
    const leader = world.operator
    const third = await world.startOperator({ leaderElect: true })
    /** Whether the former leader may act, at each write of the next one to an object of ours. */
    const mayAct: (boolean | undefined)[] = []
    third.wire.judgedBy(({ to }) => {
      if (to === 'kube') mayAct.push(leader?.operator.election?.mayAct())
      return 'pass'
    })
    leader?.wire.cut()
    await apply('three')
    await until('the leader knows that it may not act', () => leader?.operator.election?.mayAct() === false)
    await until('another one leads', () => third.operator.election?.leading)
    const vm = await world.untilReady('three')
    expect(mayAct.length).toBeGreaterThan(0)
    expect(mayAct.filter((may) => may !== false)).toEqual([])
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
    await leader?.stop()
  })
})
