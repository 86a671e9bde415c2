/** What a birth from a backup reads stays until it has been read: the file, and the VM whose deletion would take the file along. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, backupOf, deleteBackupObject, endOf, restoresWith, untilBackup, untilRetried } from './scene.ts'

describe('a VM that is being made from a backup', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
    pool = await world.pool(aV4Pool())
    await world.born('shop', addressed())
  })
  afterAll(async () => await world.stop())

  const addressed = () => ({ addresses: [{ name: 'main', poolRef: { name: pool } }] })
  const from = (backupRef: object) => ({ template: { backupRef }, ...addressed() })
  const message = async (name: string) => world.condition(await world.vm(name), 'Ready')?.message ?? ''

  it('keeps its file until it is made', async () => {
    await aBackup(world, 'shop-once', 'shop', { storage: 'pbs', deletionPolicy: 'Delete' })
    await untilBackup(world, 'shop-once', 'True')
    restoresWith(world, { extraMs: 3_600_000 })
    await world.apply('reader', from({ name: 'shop-once' }))
    const upid = await until('its task runs', async () => (await world.vm('reader'))?.status?.step?.upid)
    restoresWith(world)
    await deleteBackupObject(world, 'shop-once')
    await untilBackup(world, 'shop-once', 'False', 'InUse')
    world.simulator.world.tasks.kill(upid)
    const { vmid = 0 } = (await world.vm('reader'))?.status ?? {}
    await untilRetried(world, 'its lock is told', async () => (await message('reader')).includes('qm unlock'))
    world.simulator.world.guests.get(vmid)?.config.delete('lock')
    await endOf(world, 'reader')
    await untilRetried(world, 'the file is deleted', async () => (await backupOf(world, 'shop-once')) === undefined)
  })

  it('keeps the VM that the file is of, and all its backups, from being deleted meanwhile; only the power goes', async () => {
    const source = await world.born('brief')
    await aBackup(world, 'brief-b', 'brief', { storage: 'pbs' })
    await untilBackup(world, 'brief-b', 'True')
    restoresWith(world, { extraMs: 3_600_000 })
    await world.apply('heir', from({ name: 'brief-b' }))
    const upid = await until('its task runs', async () => (await world.vm('heir'))?.status?.step?.upid)
    restoresWith(world)
    await world.delete('brief')
    const held = await world.untilCondition('brief', 'Ready', 'False', 'InUse')
    expect(world.condition(held, 'Ready')?.message).toContain(`ProxmoxVM ${world.namespace}/heir is being made from a backup of this VM`)
    expect(world.guestOf(source).isRunning).toBe(false)
    expect((await backupOf(world, 'brief-b'))?.status?.volume).toBeDefined()
    world.simulator.world.tasks.kill(upid)
    const { vmid = 0 } = (await world.vm('heir'))?.status ?? {}
    await untilRetried(world, 'its lock is told', async () => (await message('heir')).includes('qm unlock'))
    expect(await world.vm('brief')).toBeDefined()
    world.simulator.world.guests.get(vmid)?.config.delete('lock')
    await endOf(world, 'heir')
    await untilRetried(world, 'brief is gone', async () => (await world.vm('brief')) === undefined)
  })
})
