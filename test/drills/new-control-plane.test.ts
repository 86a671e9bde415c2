/** Drill: Kubernetes is lost; a new control plane, the same manifests, `kubectl pve adopt --former`. And with nothing left at all. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { namespaces, proxmoxClusters } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { assertWhole, livesOf, type Lives, ordersComeIn, patienceMs, running, underFiveMinutes } from './fleet.ts'
import { asThePageSays, aVM, cluster, Scene } from './scene.ts'

describe('a fleet whose control plane is lost', () => {
  let scene: Scene
  let fleet: string[]
  let before: Lives
  beforeAll(async () => {
    scene = await Scene.open()
    fleet = await running(scene)
    before = await livesOf(scene, fleet)
  }, patienceMs)
  afterAll(async () => await scene.close(), 60_000)

  const clones = () => scene.simulator.requests.report().byRoute['POST /nodes/{node}/qemu/{vmid}/clone'] ?? 0
  const adoptAll = () =>
    asThePageSays('kubectl pve adopt --former', async () => {
      expect(await scene.pve('adopt', '--former')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
      expect(await scene.pve('adopt', '--former', '--yes')).toMatchObject({ code: 0 })
    })

  it(
    'comes back from Git: every object takes its running VM over, while orders come in',
    async () => {
      scene.simulator.requests.reset()
      await asThePageSays('kubectl apply --server-side -k deploy', () => scene.loseControlPlane())
      await scene.applyGit()
      await scene.startOperator()
      const ordered = ordersComeIn(scene)
      await scene.untilAll(fleet, 'Stalled', 'True', 'OwnedByFormerObject')
      await adoptAll()
      const orders = await ordered
      await scene.untilReady([...fleet, ...orders])
      await assertWhole(scene, before, orders)
      expect(clones()).toBe(orders.length)
      before = await livesOf(scene, [...fleet, ...orders])
    },
    underFiveMinutes,
  )

  it(
    'comes back from nothing: PVE tells whose each guest was, and objects written from that take them over',
    async () => {
      scene.simulator.requests.reset()
      await scene.loseControlPlane()
      const kept = scene.git.filter(({ kind }) => kind !== 'ProxmoxVM')
      scene.git.splice(0, scene.git.length, ...kept)
      await scene.applyGit()
      await scene.startOperator()
      const unclaimed = async () =>
        JSON.parse((await scene.pve('unclaimed', '-o', 'json')).out) as { vmid: number; formerObject: string; installation?: string }[]
      const listed = await asThePageSays('kubectl pve unclaimed -o json', () =>
        until('all guests are listed', async () => ((await unclaimed()).length === before.size ? await unclaimed() : undefined), {
          seconds: 60,
          everyMs: 250,
        }),
      )
      const installations = [...new Set(listed.flatMap(({ installation }) => installation ?? []))]
      expect(installations).toHaveLength(1)
      await scene.client.mergePatch(proxmoxClusters, { name: cluster }, { spec: { formerInstallations: installations } })
      await until('they count', async () => (await scene.pveCluster())?.status?.unclaimedCount === before.size, {
        seconds: 60,
        everyMs: 250,
      })
      for (const { formerObject } of listed) {
        const [namespace = '', name = ''] = formerObject.split('/')
        await scene.client.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
        await scene.declare({ ...aVM(name), metadata: { namespace, name } })
      }
      const all = [...before.keys()]
      await scene.untilAll(all, 'Stalled', 'True', 'OwnedByFormerObject')
      await adoptAll()
      await scene.untilReady(all)
      await assertWhole(scene, before, [])
      expect(clones()).toBe(0)
    },
    underFiveMinutes,
  )
})
