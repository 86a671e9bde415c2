// What a birth writes to the status of its VM: what safety demands, and nothing for a state that is over in a moment.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { HeldBegin } from '../support/held-begin.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const template = { vmid: 9000 }

describe('the status writes of a birth', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, limits: { limits: { requests: 8, fullClonesPerNode: 1 } } })
    await until('the cluster is known', async () => (await world.clusterCondition('Ready'))?.status === 'True')
  })
  afterAll(async () => await world.stop())

  const statusWrites = (of: string) =>
    world.operator?.wire.writes.filter(({ what, name }) => what === 'PUT proxmoxvms/status' && name === of).length ?? 0

  it('are three: the intent with the request for the clone, the task of the clone, and Ready', async () => {
    // A task that lasts 3 s is told.
    world.clock.slowDown(5)
    const { status } = await world.born('whole', { template })
    world.clock.slowDown(1)

    expect(status).toMatchObject({ progress: '12/12', remoteStatus: 'running', firstStartedAt: expect.any(String) })
    expect(world.writes().filter((line) => /resize$|status\/start$/.test(line))).toHaveLength(2)
    expect(statusWrites('whole')).toBe(3)
  })

  it('are one for a VM that gets its number and lines up for a clone: intent and place in the line together', async () => {
    const slot = new HeldBegin(world.simulator)
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/clone', beginAfterMs: slot.ms }], [])
    await world.apply('first', { template })
    await until('the first is being cloned', async () => (await world.vm('first'))?.status?.step?.upid)
    await world.apply('second', { template })
    const queued = await world.untilCondition('second', 'Ready', 'False', 'Queued')
    await until('no pass is under way', () => world.operator?.operator.queue.running === 0)

    expect(statusWrites('second')).toBe(1)
    expect(world.condition(queued, 'Ready')?.message).toMatch(/^Waiting for a clone slot of node pve\d, position 1\.$/)
    expect(queued.status).toMatchObject({ vmid: expect.any(Number), intentAt: expect.any(String), step: { name: 'clone' } })
    slot.begin()
  })

  it('tell of a start that lasts', async () => {
    const start = new HeldBegin(world.simulator)
    const route = 'POST /nodes/{node}/qemu/{vmid}/status/start'
    world.simulator.faults.add([{ route, match: { vmid: 10_500 }, beginAfterMs: start.ms }], [])
    await world.apply('slow', { template: { ...template, clone: 'Linked' }, vmid: 10_500 })

    const { status } = await until('the start is told', async () => {
      const vm = await world.vm('slow')
      return vm?.status?.step?.name === 'start' ? vm : undefined
    })
    expect(status?.step?.upid).toMatch(/:qmstart:10500:/)
    expect(status?.localStatus).toBe('set_cloudinit')
    start.begin()
    await world.untilReady('slow')
  })
})
