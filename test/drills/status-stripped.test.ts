/** Drill: a restore without status, or a slip, takes the status of every VM. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { assertWhole, livesOf, type Lives, ordersComeIn, patienceMs, running, underFiveMinutes } from './fleet.ts'
import { namespace, Scene } from './scene.ts'

describe('a fleet whose status is stripped', () => {
  let scene: Scene
  let fleet: string[]
  let before: Lives
  beforeAll(async () => {
    scene = await Scene.open()
    fleet = await running(scene)
    before = await livesOf(scene, fleet)
  }, patienceMs)
  afterAll(async () => await scene.close(), 60_000)

  it(
    'is recognised whole while orders come in: the same VMs run with their addresses',
    async () => {
      const ordered = ordersComeIn(scene)
      // Those whose birth is under way as well.
      for (const { metadata } of await scene.vms())
        await scene.client.mergePatch(proxmoxVMs, { namespace, name: metadata.name }, { status: null }, { subresource: 'status' })
      const orders = await ordered
      await scene.untilReady([...fleet, ...orders])
      await assertWhole(scene, before, orders)
      const clones = scene.simulator.requests.report().byRoute['POST /nodes/{node}/qemu/{vmid}/clone']
      expect(clones).toBe(fleet.length + orders.length)
    },
    underFiveMinutes,
  )
})
