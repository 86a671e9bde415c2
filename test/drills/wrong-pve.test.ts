/** Drill: another PVE answers behind the endpoints. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { assertWhole, livesOf, type Lives, names, ordersComeIn, patienceMs, running, underFiveMinutes } from './fleet.ts'
import { namespace, Scene } from './scene.ts'

describe('a fleet with a wrong PVE behind its endpoints', () => {
  let scene: Scene
  let fleet: string[]
  let before: Lives
  beforeAll(async () => {
    scene = await Scene.open()
    fleet = await running(scene)
    await scene.order('goes')
    await scene.untilReady(['goes'])
    before = await livesOf(scene, fleet)
  }, patienceMs)
  afterAll(async () => await scene.close(), 60_000)

  it(
    'is left as it is while orders come in and a VM is deleted; with the right PVE everything goes on',
    async () => {
      scene.simulator.requests.reset()
      await scene.sim('POST', '/other-pve')
      const ordered = ordersComeIn(scene)
      await scene.untilAll(fleet, 'Stalled', 'True', 'ClusterChanged')
      await scene.client.delete(proxmoxVMs, { namespace, name: 'goes' })
      await scene.untilAll(['goes', ...names('order', 2)], 'Stalled', 'True', 'ClusterChanged')
      const orders = await ordered
      const writes = scene.simulator.requests.report().log.filter(({ method }) => method !== 'GET')
      expect(writes).toEqual([])
      expect((await scene.vm('goes'))?.metadata.finalizers).toHaveLength(1)
      await scene.sim('DELETE', '/other-pve')
      await scene.untilReady([...fleet, ...orders])
      await until('the deleted one is gone', async () => (await scene.vm('goes')) === undefined, { everyMs: 200 })
      await assertWhole(scene, before, orders)
    },
    underFiveMinutes,
  )
})
