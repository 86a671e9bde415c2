/** Drill: objects come back from a backup with new uids, as docs/disaster-recovery.md says for Velero. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type KubeObject, poolAddresses, proxmoxVMs, type Resource } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { assertWhole, livesOf, type Lives, names, ordersComeIn, patienceMs, underFiveMinutes } from './fleet.ts'
import { asThePageSays, Scene } from './scene.ts'

describe('a fleet that is restored object by object', () => {
  let scene: Scene
  let before: Lives
  const withStatus = names('with-status', 4)
  const withoutStatus = names('without-status', 4)
  const fleet = [...withStatus, ...withoutStatus]

  beforeAll(async () => {
    scene = await Scene.open()
    for (const name of fleet) await scene.order(name)
    await scene.untilReady(fleet)
    before = await livesOf(scene, fleet)
  }, patienceMs)
  afterAll(async () => await scene.close(), 60_000)

  /** Gone without a teardown, as with a namespace or a cluster that is lost. */
  const lose = async <T extends KubeObject>(resource: Resource<T>): Promise<T[]> => {
    const objects = await scene.client.list(resource)
    for (const { metadata } of objects) {
      await scene.client.mergePatch(resource, metadata, { metadata: { finalizers: null } })
      await scene.client.delete(resource, metadata)
    }
    await until(`no ${resource.kind} is left`, async () => (await scene.client.list(resource)).length === 0)
    return objects
  }
  /** Velero keeps names, labels, annotations and finalizers. */
  const restored = <T extends KubeObject>({ metadata: { namespace, name, labels, annotations, finalizers }, ...rest }: T): T =>
    ({
      ...rest,
      metadata: {
        name,
        ...(namespace && { namespace }),
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ...(finalizers && { finalizers }),
      },
    }) as unknown as T

  it(
    'takes its running VMs over, with and without status, with and without the records of its addresses, while orders come in',
    async () => {
      scene.simulator.requests.reset()
      await asThePageSays('kubectl -n pve-system scale deployment pve-operator --replicas=0', () => scene.stopOperator())
      const [vms, addresses] = [await lose(proxmoxVMs), await lose(poolAddresses)]
      const kept = withStatus.map((name) => before.get(name)?.address)
      for (const address of addresses) if (kept.includes(address.spec.address)) await scene.client.create(poolAddresses, restored(address))
      for (const vm of vms) {
        const made = await scene.client.create(proxmoxVMs, restored(vm))
        if (withStatus.includes(vm.metadata.name) && vm.status) await scene.client.replaceStatus(proxmoxVMs, { ...made, status: vm.status })
      }
      await asThePageSays('kubectl -n pve-system scale deployment pve-operator --replicas=1', () => scene.startOperator())
      const ordered = ordersComeIn(scene, 2)
      await scene.untilAll(fleet, 'Stalled', 'True', 'OwnedByFormerObject')
      await asThePageSays('kubectl pve adopt --former', async () =>
        expect(await scene.pve('adopt', '--former', '--yes')).toMatchObject({ code: 0 }),
      )
      const orders = await ordered
      await scene.untilReady([...fleet, ...orders])
      await assertWhole(scene, before, orders)
      expect(scene.simulator.requests.report().byRoute['POST /nodes/{node}/qemu/{vmid}/clone']).toBe(orders.length)
    },
    underFiveMinutes,
  )
})
