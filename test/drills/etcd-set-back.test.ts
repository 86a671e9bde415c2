/** Drill: etcd is set back to a snapshot, as docs/disaster-recovery.md says. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import type { EtcdSnapshot } from '../support/own-control-plane.ts'
import { until } from '../support/until.ts'
import { assertWhole, livesOf, names, ordersComeIn, patienceMs, running, underFiveMinutes } from './fleet.ts'
import { asThePageSays, aVM, conditionOf, namespace, Scene } from './scene.ts'

describe('a fleet whose etcd is set back', () => {
  let scene: Scene
  let fleet: string[]
  let snapshot: EtcdSnapshot
  const later = names('later', 2)
  const key = (name: string) => ({ namespace, name })

  beforeAll(async () => {
    scene = await Scene.open()
    fleet = await running(scene)
    await scene.stopOperator()
    snapshot = await scene.own.snapshot()
    await scene.startOperator()
    // The hour since: two orders, a reinstall, a deletion.
    await Promise.all(later.map((name) => scene.order(name)))
    const manifest = aVM('vm-0', { reinstall: { requestID: 'r1' } })
    await scene.declare(manifest)
    await scene.client.delete(proxmoxVMs, key('vm-1'))
    await until('vm-1 is gone', async () => (await scene.vm('vm-1')) === undefined, { seconds: 120, everyMs: 200 })
    await until('vm-0 is reinstalled', async () => (await scene.vm('vm-0'))?.status?.reinstall?.completedIDs?.includes('r1'), {
      seconds: 120,
      everyMs: 200,
    })
    await scene.untilReady(['vm-0', ...later])
  }, patienceMs)
  afterAll(async () => await scene.close(), 60_000)

  it(
    'has its VMs as they run, those ordered since the snapshot included, and does nothing a second time',
    async () => {
      const living = [...fleet.filter((name) => name !== 'vm-1'), ...later]
      const before = await livesOf(scene, living)
      scene.simulator.requests.reset()
      await asThePageSays('kubectl -n pve-system scale deployment pve-operator --replicas=0', () => scene.stopOperator())
      await scene.own.restore(snapshot)
      await asThePageSays('kubectl -n pve-system scale deployment pve-operator --replicas=1', () => scene.startOperator())
      const ordered = ordersComeIn(scene)
      await scene.untilAll(['vm-1'], 'Ready', 'False', 'VMMissing')
      // Git, or the billing system, declares again what is wanted.
      scene.git.splice(0, scene.git.length, ...scene.git.filter(({ metadata }) => metadata.name !== 'vm-1'))
      await scene.applyGit()
      await scene.untilAll(later, 'Stalled', 'True', 'OwnedByFormerObject')
      await asThePageSays('kubectl pve adopt --former', async () =>
        expect(await scene.pve('adopt', '--former', '--yes')).toMatchObject({ code: 0 }),
      )
      await scene.client.delete(proxmoxVMs, key('vm-1'))
      const orders = await ordered
      await scene.untilReady([...living, ...orders])
      await until('vm-1 is gone', async () => (await scene.vm('vm-1')) === undefined, { everyMs: 200 })
      await assertWhole(scene, before, orders)
      expect(conditionOf(await scene.vm('vm-0'), 'Ready')?.status).toBe('True')
      const { byRoute } = scene.simulator.requests.report()
      expect(byRoute['DELETE /nodes/{node}/qemu/{vmid}']).toBeUndefined()
      expect(byRoute['POST /nodes/{node}/qemu/{vmid}/clone']).toBe(orders.length)
      await asThePageSays('kubectl pve unclaimed', async () =>
        expect((await scene.pve('unclaimed')).out).toBe('every guest with the owner line of the operator has its ProxmoxVM\n'),
      )
    },
    underFiveMinutes,
  )
})
