/** A snapshot is made once: over lost answers, and over the death of the operator at each of its writes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import type { Write } from '../support/wire.ts'
import { TestWorld } from '../support/world.ts'
import { ask, deleteSnapshot, inPve, snapshotNamed, taken, tasksOf, untilNoObject } from './snapshots.ts'

describe('a snapshot is made once', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(() => world.stop())

  /** Time of the operator passes, so that a request without an answer is known to be lost. */
  const soon = async <T>(what: string, look: () => Promise<T>) =>
    await until(
      what,
      async () => {
        const seen = await look()
        if (!seen) world.clock.skip(2_000)
        return seen
      },
      { everyMs: 150 },
    )

  it.each(['before', 'after'] as const)('when the answer of PVE is lost %s the effect', async (drop) => {
    const vm = await world.born(`lost-${drop}`)
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/snapshot', match: { vmid: vm.status?.vmid }, drop }], [])
    const snapshot = await ask(world, `lost-${drop}`)
    await soon('it is taken', async () => (await snapshotNamed(world, snapshot.metadata.name))?.status?.createdAt)
    expect(inPve(world, vm)).toHaveLength(1)
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(1)
    const path = 'DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}'
    world.simulator.faults.add([{ route: path, match: { vmid: vm.status?.vmid }, drop }], [])
    await deleteSnapshot(world, snapshot)
    await soon('it is gone', async () => (await snapshotNamed(world, snapshot.metadata.name)) === undefined)
    expect(inPve(world, vm)).toEqual([])
    expect(tasksOf(world, vm, 'qmdelsnapshot')).toBe(1)
  })

  const writes: Record<string, (write: Write) => boolean> = {
    'its finalizer': ({ what }) => what === 'PATCH proxmoxvmsnapshots',
    'its status': ({ what }) => what === 'PUT proxmoxvmsnapshots/status',
    'its request': ({ what }) => what.startsWith('POST') && what.endsWith('/snapshot'),
  }
  const deaths = Object.keys(writes).flatMap((which) => (['before', 'after'] as const).map((when) => [which, when] as const))

  it.each(deaths)('when the operator is killed at %s, %s it is done', async (which, when) => {
    const name = `killed-${Object.keys(writes).indexOf(which)}-${when}`
    const vm = await world.born(name)
    const death = world.operator!.wire.dieAt(writes[which]!, when)
    const snapshot = await ask(world, name)
    await death
    await world.killOperator()
    await world.startOperator()
    await soon('it is taken', async () => (await snapshotNamed(world, snapshot.metadata.name))?.status?.createdAt)
    expect(inPve(world, vm)).toHaveLength(1)
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(1)
  })

  it.each(['before', 'after'] as const)('and is deleted once, when the operator is killed %s the request', async (when) => {
    const vm = await world.born(`deleted-${when}`)
    const snapshot = await taken(world, `deleted-${when}`)
    const death = world.operator!.wire.dieAt(({ what }) => what.startsWith('DELETE') && what.includes('/snapshot/'), when)
    await deleteSnapshot(world, snapshot)
    await death
    await world.killOperator()
    await world.startOperator()
    await soon('it is gone', async () => (await snapshotNamed(world, snapshot.metadata.name)) === undefined)
    expect(inPve(world, vm)).toEqual([])
    expect(tasksOf(world, vm, 'qmdelsnapshot')).toBe(1)
  })

  it('when it is deleted while the request is on its way', async () => {
    const vm = await world.born('overtaken')
    world.simulator.faults.add(
      [{ route: 'POST /nodes/{node}/qemu/{vmid}/snapshot', match: { vmid: vm.status?.vmid }, drop: 'after', beginAfterMs: 3_000 }],
      [],
    )
    const snapshot = await ask(world, 'overtaken')
    await until('it is noted', async () => (await snapshotNamed(world, snapshot.metadata.name))?.status?.intentAt)
    await deleteSnapshot(world, snapshot)
    await untilNoObject(world, snapshot, 120)
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(1)
    expect(inPve(world, vm)).toEqual([])
  })

  it('beside a change of its package, which waits for it', async () => {
    const vm = await world.born('edited')
    const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/snapshot', vm.status?.vmid)
    const snapshot = await ask(world, 'edited')
    await until('it is under way', async () => (await snapshotNamed(world, snapshot.metadata.name))?.status?.upid)
    world.simulator.requests.reset()
    const { metadata } = await world.edit('edited', { spec: { package: { cpu: { limit: '1' } } } })
    const { queue, stores } = world.operator!.operator
    const key = `${world.namespace}/edited`
    const isSeen = () => stores.vms.get(key)?.metadata.generation === metadata.generation && !queue.isRunning(key)
    await until('the operator has seen the edit', isSeen)
    letGo()
    await until('it is taken', async () => (await snapshotNamed(world, snapshot.metadata.name))?.status?.createdAt)
    await until('the edit is applied', () => world.guestOf(vm).config.get('cpulimit') === '1')
    const failed = world.simulator.world.tasks
      .onNode(vm.status?.node ?? '')
      .filter(({ id, exitstatus }) => id === `${vm.status?.vmid}` && exitstatus?.includes('locked'))
    expect(failed).toEqual([])
    expect(inPve(world, vm)).toHaveLength(1)
  })
})
