import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { allowDeletionsAnnotation } from '../../src/api/group.ts'
import { proxmoxClusters, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const patienceMs = 420_000
const fleet = Array.from({ length: 40 }, (_, at) => `vm${String(at).padStart(2, '0')}`)
const max = 8

/** The namespace controller, a GitOps engine and a script ask the API server for the same things: a DELETE, or an edit, of each object. */
describe('deletions nobody meant', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 50, limits: { limits: { deletions: { max } } } })
    await Promise.all(fleet.map((name) => world.apply(name, { template: { name: 'debian-13', clone: 'Linked' } })))
    for (const name of fleet) await world.untilReady(name, 120)
  }, patienceMs)
  afterAll(async () => await world.stop())

  const cluster = async () => (await world.client.get(proxmoxClusters, { name: world.cluster })) as ProxmoxCluster
  const vms = () => world.client.list(proxmoxVMs, { namespace: world.namespace })
  const braked = async () => (await vms()).filter((vm) => world.condition(vm, 'Stalled')?.reason === 'TooManyDeletions')
  const destroyed = () => world.simulator.requests.report().byRoute['DELETE /nodes/{node}/qemu/{vmid}'] ?? 0
  const running = () => world.guests().filter((guest) => guest.isRunning).length
  const isDone = (vm: ProxmoxVM) => vm.status?.reinstall?.completedIDs?.includes('oops') === true
  const untilBraked = (count: number) => until(`${count} VMs wait`, async () => (await braked()).length === count)
  const untilSaid = (waiting: number) =>
    until('the cluster says how many wait', async () => (await cluster()).status?.deletions?.waiting === waiting)

  it(
    'by a script that reinstalls everything: as many as the limit allows are reinstalled, the others run on and say why',
    async () => {
      world.simulator.requests.reset()
      await Promise.all(fleet.map((name) => world.edit(name, { spec: { reinstall: { requestID: 'oops' } } })))
      await untilBraked(fleet.length - max)
      await untilSaid(fleet.length - max)
      const [first] = await braked()
      expect(world.condition(first, 'Stalled')?.message).toMatch(
        new RegExp(
          `^${max} VMs of ProxmoxCluster ${world.cluster} were destroyed in the last 10 min, and limits.deletions allows ${max}; VM \\d+ is number \\d+ in the queue for its reinstall. The operator continues at \\S+Z. If you want all of them deleted, run: kubectl pve allow-deletions ${world.cluster} --for 1h.$`,
        ),
      )
      await until('the others are destroyed', () => destroyed() === max)
      expect((await cluster()).status?.deletions).toMatchObject({ waiting: fleet.length - max, roomAt: expect.any(String) })
    },
    patienceMs,
  )

  it(
    'go on in the next window, also after a restart of the operator, which has not forgotten those before',
    async () => {
      await world.killOperator()
      await world.startOperator()
      await untilBraked(fleet.length - max)
      expect(destroyed()).toBe(max)
      // A clone that the death struck before PVE had it is asked for again after a minute. The clock is not moved meanwhile: one that
      // jumps while PVE clones teaches the operator that a clone takes ten minutes.
      await until('the first are reinstalled', async () => (await vms()).filter(isDone).length === max, { seconds: 180 })
      world.skip(10 * 60_000 + 1000)
      await until('as many again', () => destroyed() === 2 * max)
      await untilBraked(fleet.length - 2 * max)
      expect(destroyed()).toBe(2 * max)
      await until('those are reinstalled', async () => (await vms()).filter(isDone).length === 2 * max)
    },
    patienceMs,
  )

  it(
    'by a namespace that is deleted: no more than the limit in a window, and the rest at once when a person allows it',
    async () => {
      await Promise.all(fleet.map((name) => world.delete(name)))
      await untilBraked(fleet.length)
      expect(destroyed()).toBe(2 * max)
      expect(running()).toBe(fleet.length)
      const until1h = new Date(world.clock.now() + 3_600_000).toISOString()
      await world.client.mergePatch(
        proxmoxClusters,
        { name: world.cluster },
        { metadata: { annotations: { [allowDeletionsAnnotation]: until1h } } },
      )
      await until('all are gone', async () => (await vms()).length === 0, { seconds: 120 })
      expect(world.guests()).toEqual([])
      await untilSaid(0)
    },
    patienceMs,
  )
})
