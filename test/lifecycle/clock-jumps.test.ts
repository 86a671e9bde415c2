/** Somebody sets the clock of the operator's machine by an hour just when a request leaves whose answer is lost: neither an hour of waiting nor a second request. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { commandNamed, press } from '../manual/buttons.ts'
import { ask, snapshotNamed, taken } from '../snapshots/snapshots.ts'
import { until } from '../support/until.ts'
import type { Fate } from '../support/wire.ts'
import { TestWorld } from '../support/world.ts'

const hourMs = 3_600_000
const speed = 20
/** Longer than the pause before the next look, in PVE's time. */
const lateMs = 100_000

/** A request, what asks for it and when it is over. */
interface Row {
  readonly name: string
  readonly route: string
  readonly task: string
  readonly ask: (world: TestWorld, vm: ProxmoxVM) => Promise<() => Promise<boolean>>
}

const button =
  (command: CommandName, more: (world: TestWorld, vm: ProxmoxVM) => Promise<object> = () => Promise.resolve({})): Row['ask'] =>
  async (world, vm) => {
    const name = await press(world, vm.metadata.name, command, await more(world, vm))
    return async () => (await commandNamed(world, name))?.status?.phase === 'Succeeded'
  }

const rows: readonly Row[] = [
  { name: 'reset', route: 'status/reset', task: 'qmreset', ask: button('Reset') },
  {
    name: 'migrate',
    route: 'migrate',
    task: 'qmigrate',
    ask: button('Migrate', async (_, { status }) => ({ node: status?.node === 'pve1' ? 'pve2' : 'pve1' })),
  },
  {
    name: 'rollback',
    route: 'snapshot/{snapname}/rollback',
    task: 'qmrollback',
    ask: button('Rollback', async (world, { metadata }) => ({ snapshotRef: { name: (await taken(world, metadata.name)).metadata.name } })),
  },
  {
    name: 'snapshot',
    route: 'snapshot',
    task: 'qmsnapshot',
    ask: async (world, { metadata }) => {
      const { metadata: of } = await ask(world, metadata.name)
      return async () => (await snapshotNamed(world, of.name))?.status?.createdAt !== undefined
    },
  },
]

describe.each(rows)('$name', ({ name, route, task, ask: begin }) => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed })
  })
  afterAll(async () => await world.stop())

  const tasks = (vm: ProxmoxVM) =>
    [...world.simulator.world.nodes.keys()]
      .flatMap((node) => world.simulator.world.tasks.onNode(node))
      .filter(({ type, id }) => type === task && id === `${vm.status?.vmid}`)

  /** The request meets its fate, and the clock jumps as it leaves; ends when it is over. `skipMs`: time of the operator that passes at each look. */
  async function struck(vm: ProxmoxVM, o: { jumpMs: number; fate: Fate; skipMs: number; isKilled?: boolean }): Promise<void> {
    let isStruck = false
    world.operator?.wire.judgedBy((write) => {
      if (isStruck || write.what !== `POST /nodes/{node}/qemu/{vmid}/${route}`) return 'pass'
      isStruck = true
      world.clock.jump(o.jumpMs)
      if (o.isKilled) world.operator?.wire.cut()
      return o.fate
    })
    const isOver = await begin(world, vm)
    await until('the request leaves', () => isStruck)
    if (o.isKilled) {
      await world.killOperator()
      await world.startOperator()
    }
    await until(
      'it is over',
      async () => {
        const over = await isOver()
        if (!over) world.skip(o.skipMs)
        return over
      },
      { everyMs: 200 },
    )
    await world.untilReady(vm.metadata.name)
  }
  const born = (suffix: string) => world.born(`${name}-${suffix}`, { template: { name: 'ubuntu-24.04' } })

  it('is not sent a second time while the first may still begin, when the clock jumps forward', async () => {
    const vm = await born('forward')
    const sentMs = performance.now()
    await struck(vm, { jumpMs: hourMs, fate: { plan: { drop: 'after', beginAfterMs: lateMs } }, skipMs: 0 })
    await until('the first one has had its time to begin', () => performance.now() - sentMs > lateMs / speed + 1_000)
    expect(tasks(vm)).toHaveLength(1)
  })

  it('is sent again as soon as ever when it did not arrive and the clock jumps back', async () => {
    const vm = await born('back')
    await struck(vm, { jumpMs: -hourMs, fate: 'lost before', skipMs: 2_000 })
    expect(tasks(vm)).toHaveLength(1)
  })

  it.each([hourMs, -hourMs])('is done once by the next operator, whose clock was set by %d ms', async (jumpMs) => {
    const vm = await born(jumpMs > 0 ? 'killed-forward' : 'killed-back')
    await struck(vm, { jumpMs, fate: 'lost after', skipMs: 2_000, isKilled: true })
    expect(tasks(vm)).toHaveLength(1)
  })
})

describe('the window of the brake on deletions', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, limits: { limits: { deletions: { max: 1 } } } })
  })
  afterAll(async () => await world.stop())

  it('moves on with PVE’s time, whatever the clock of the machine is set to', async () => {
    const [first, second, third] = await Promise.all(['first', 'second', 'third'].map((name) => world.born(name)))
    await world.delete('first')
    await world.untilGone('first')
    await world.delete('second')
    await world.untilCondition('second', 'Stalled', 'True', 'TooManyDeletions')
    world.clock.jump(hourMs)
    await world.delete('third')
    await world.untilCondition('third', 'Stalled', 'True', 'TooManyDeletions')
    expect(new Set(world.guests().map(({ vmid }) => vmid))).toEqual(new Set([second?.status?.vmid, third?.status?.vmid]))
    expect(first?.status?.vmid).toBeDefined()

    world.clock.jump(-2 * hourMs)
    world.skip(10 * 60_000 + 1000)
    await world.untilGone('second', 60)
    world.skip(10 * 60_000 + 1000)
    await world.untilGone('third', 60)
  })
})
