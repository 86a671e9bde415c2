import { describe, expect, it } from '@jest/globals'
import { bear, dieAndTakeOver, openLane, pointsOf, same, untilReadySkipping, walk, type Lane } from '../support/crash.ts'
import { holders, portrait } from '../support/portrait.ts'
import { until } from '../support/until.ts'

/** Everything a change can consist of: a stop, a live part, a disk that grows and one that is allocated, another address. */
const change = ({ world, pools: [v4, v6] }: Lane, name: string) =>
  world.edit(name, {
    spec: {
      package: {
        memory: { size: '6Gi', minimum: 0 },
        cpu: { limit: 0 },
        systemDisk: { size: '50Gi' },
        additionalDisks: [{ name: 'more', size: '5Gi' }],
      },
      addresses: [
        { name: 'second', poolRef: { name: v4 } },
        { name: 'main6', poolRef: { name: v6 } },
      ],
    },
  })

async function isOver({ world, pools }: Lane, name: string): Promise<boolean> {
  const vm = await world.vm(name)
  const isReady = world.condition(vm, 'Ready')?.status === 'True' && vm?.status?.observedGeneration === vm?.metadata.generation
  return isReady && (await holders(world, pools)).length === 2
}

describe('a change of package whose operator is killed', () => {
  it('at any write, before or after PVE or Kubernetes had it, is finished by the next one as if nothing had happened', async () => {
    const model = await openLane()
    await bear(model, 'model')
    await model.world.untilReady('model', 60)
    const from = model.world.operator!.wire.writes.length
    await change(model, 'model')
    await until('it is over', () => isOver(model, 'model'))
    const writes = model.world.operator!.wire.writes.slice(from)
    const wanted = portrait(model.world, (await model.world.vm('model'))!)
    await model.world.stop()
    expect(writes.map((write) => write.what)).toContain('POST /nodes/{node}/qemu/{vmid}/status/shutdown')

    const faults = await walk(pointsOf(writes), async (lane, point) => {
      const name = `walk-${point.index}-${point.when}`
      await bear(lane, name)
      await lane.world.untilReady(name, 60)
      await dieAndTakeOver(
        lane,
        point,
        () => change(lane, name),
        () => isOver(lane, name),
      )
      const vm = await untilReadySkipping(lane, name)
      await until('the old address is free', () => isOver(lane, name))
      same('the guest', portrait(lane.world, vm), wanted)
      same('the change', vm.status?.change, undefined)
      await lane.world.delete(name)
      await lane.world.untilGone(name, 60)
    })
    expect(faults).toEqual([])
  }, 600_000)
})
