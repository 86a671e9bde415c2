// What a birth writes to the status of its VM: what safety demands, and nothing for a state that is over in a moment.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
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

  const statusWrites = () => world.operator?.wire.writes.filter(({ what }) => what === 'PUT proxmoxvms/status').length ?? 0

  it('are three: the intent with the request for the clone, the task of the clone, and Ready', async () => {
    const before = statusWrites()
    const { status } = await world.born('whole', { template })

    expect(status).toMatchObject({ progress: '12/12', remoteStatus: 'running', firstStartedAt: expect.any(String) })
    expect(world.writes().filter((line) => /resize$|status\/start$/.test(line))).toHaveLength(2)
    expect(statusWrites() - before).toBe(3)
  })

  it('are one for a VM that gets its number and lines up for a clone: intent and place in the line together', async () => {
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { extraMs: 100_000 } }], [])
    await world.apply('first', { template })
    await until('the first is being cloned', async () => (await world.vm('first'))?.status?.step?.upid)
    const before = statusWrites()
    await world.apply('second', { template })
    const queued = await world.untilCondition('second', 'Ready', 'False', 'Queued')
    await until('no pass is under way', () => world.operator?.operator.queue.running === 0)

    expect(statusWrites() - before).toBe(1)
    expect(world.condition(queued, 'Ready')?.message).toMatch(/^Waiting for a clone slot of node pve\d, position 1\.$/)
    expect(queued.status).toMatchObject({ vmid: expect.any(Number), intentAt: expect.any(String), step: { name: 'clone' } })
  })

  it('tell of a start that lasts', async () => {
    world.simulator.faults.add(
      [{ route: 'POST /nodes/{node}/qemu/{vmid}/status/start', match: { vmid: 10_500 }, task: { extraMs: 200_000 } }],
      [],
    )
    await world.apply('slow', { template: { ...template, clone: 'Linked' }, vmid: 10_500 })

    const { status } = await until('the start is told', async () => {
      const vm = await world.vm('slow')
      return vm?.status?.step?.name === 'start' ? vm : undefined
    })
    expect(status?.step?.upid).toMatch(/:qmstart:10500:/)
    expect(status?.localStatus).toBe('set_cloudinit')
    await world.untilReady('slow')
  })
})
