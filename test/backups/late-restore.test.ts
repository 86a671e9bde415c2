/** The answer to a restore is lost, and PVE begins it more than a minute later: it is one restore, and with its object nothing is left of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool } from '../support/builders.ts'
import { holders } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, untilBackup } from './scene.ts'

describe('a restore that PVE begins late', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  /** A VM that is off and has a backup; the answer to the request for its restore is lost, and PVE begins it so much later. */
  async function restoredLate(name: string, beginAfterMs: number) {
    const vm = await world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })
    await aBackup(world, `${name}-b`, name, { storage: 'pbs', deletionPolicy: 'Keep' })
    await untilBackup(world, `${name}-b`, 'True')
    await world.edit(name, { spec: { backupsOnDelete: 'Keep' } })
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is seen off', async () => (await world.vm(name))?.status?.remoteStatus === 'stopped')
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu', drop: 'after', beginAfterMs }], [])
    await world.edit(name, { spec: { restore: { requestID: 'r1', backupRef: { name: `${name}-b` } } } })
    return vm
  }

  it('is asked for once while its VM waits for it', async () => {
    world.simulator.requests.reset()
    await restoredLate('waits', 200_000)
    await until('its answer is waited for', async () =>
      world.condition(await world.vm('waits'), 'Ready')?.message.includes('may have been lost'),
    )
    world.clock.skip(66_000)
    const isDone = async () => (await world.vm('waits'))?.status?.restore?.completedIDs.includes('r1')
    await until('it is done', isDone)
    await world.untilReady('waits')
    expect(world.writes().filter((line) => /^POST \/nodes\/[^/]+\/qemu$/.test(line))).toHaveLength(1)
  })

  it('leaves neither a VM nor an address behind when its object is deleted meanwhile', async () => {
    const vm = await restoredLate('late', 66_000)
    const { vmid = 0 } = vm.status ?? {}
    await until('PVE was asked', async () => (await world.vm('late'))?.status?.restore?.running?.askedAt)
    await world.delete('late')
    await until(
      'the object is gone',
      async () => {
        world.skip(4_000)
        return (await world.vm('late')) === undefined
      },
      { everyMs: 100 },
    )
    const restores = () =>
      world.simulator.world.tasks.onNode(vm.status?.node ?? '').filter(({ type, id }) => type === 'qmrestore' && id === String(vmid))
    await until('PVE has restored it, late', () => restores().some(({ endtime }) => endtime !== undefined))
    expect(restores()).toHaveLength(1)
    expect(world.guests().map((guest) => guest.vmid)).not.toContain(vmid)
    const held = await holders(world, [pool])
    expect(held.filter((line) => line.includes(vm.metadata.uid ?? ''))).toEqual([])
  })
})
