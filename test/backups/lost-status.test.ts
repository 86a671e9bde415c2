import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMBackups } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, backupOf, filesOf, untilBackup } from './scene.ts'

describe('a ProxmoxVMBackup whose status was lost', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  it('has the file that PVE made for it, and PVE is asked for no other', async () => {
    const vm = await world.born('forgotten')
    await aBackup(world, 'b', 'forgotten', { storage: 'local' })
    const { status } = await untilBackup(world, 'b', 'True')
    world.simulator.requests.reset()
    const key = { namespace: world.namespace, name: 'b' }
    const nothing = Object.fromEntries(Object.keys(status ?? {}).map((field) => [field, null]))
    await world.client.mergePatch(proxmoxVMBackups, key, { status: nothing }, { subresource: 'status' })
    const again = await until('its status is there again', async () => {
      const found = await backupOf(world, 'b')
      return found?.status?.finishedAt === undefined ? undefined : found
    })

    expect(again.status).toMatchObject({ phase: 'Succeeded', volume: status?.volume })
    expect(world.writes().filter((line) => line.endsWith('/vzdump'))).toEqual([])
    expect(filesOf(world, vm)).toHaveLength(1)
  })
})
