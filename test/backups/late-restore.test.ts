/** The answer to a restore is lost, its object is deleted, and PVE begins the restore a minute later: nothing is left of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool } from '../support/builders.ts'
import { holders } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, untilBackup } from './scene.ts'

const patienceMs = 120_000

describe('an object that is deleted while its restore begins late', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
    pool = await world.pool(aV4Pool())
  }, patienceMs)
  afterAll(async () => await world.stop())

  it(
    'leaves neither a VM nor an address behind',
    async () => {
      const vm = await world.born('late', { addresses: [{ name: 'main', poolRef: { name: pool } }] })
      const { vmid = 0 } = vm.status ?? {}
      await aBackup(world, 'late-b', 'late', { storage: 'pbs', deletionPolicy: 'Keep' })
      await untilBackup(world, 'late-b', 'True')
      await world.edit('late', { spec: { backupsOnDelete: 'Keep' } })
      await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
      await until('it is seen off', async () => (await world.vm('late'))?.status?.remoteStatus === 'stopped')
      world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu', drop: 'after', beginAfterMs: 66_000 }], [])
      await world.edit('late', { spec: { restore: { requestID: 'r1', backupRef: { name: 'late-b' } } } })
      await until('PVE was asked', async () => (await world.vm('late'))?.status?.restore?.running?.askedAt)
      await world.delete('late')
      await until(
        'the object is gone',
        async () => {
          world.skip(4_000)
          return (await world.vm('late')) === undefined
        },
        { seconds: 60, everyMs: 100 },
      )
      const restores = () => world.simulator.world.tasks.onNode(vm.status?.node ?? '').filter(({ type }) => type === 'qmrestore')
      await until('PVE has restored it, late', () => restores().some(({ endtime }) => endtime !== undefined))
      expect(restores()).toHaveLength(1)
      expect(world.guests().map((guest) => guest.vmid)).not.toContain(vmid)
      expect(await holders(world, [pool])).toEqual([])
    },
    patienceMs,
  )
})
