import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { Reflector } from '../../src/kube/watch.ts'
import { Store } from '../../src/kube/store.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const count = 50
const perNode = 3

describe(`${count} VMs at once`, () => {
  let world: TestWorld
  let pool: string
  const watching = new AbortController()
  /** Every version of every VM that the API server told of, in order. */
  const versions: ProxmoxVM[] = []
  const names = Array.from({ length: count }, (_, index) => `vm-${index}`)
  let mostClones = 0

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, limits: { limits: { requests: 8, fullClonesPerNode: perNode, deletions: { max: count } } } })
    pool = await world.pool(aV4Pool({ ranges: ['203.0.113.10-203.0.113.99'] }))
    const store = new Store<ProxmoxVM>()
    store.subscribe(({ new: now }) => now && versions.push(now))
    const { client, namespace } = world
    void new Reflector({ client, resource: proxmoxVMs, store, clock: systemClock, selection: { namespace } }).run(watching.signal)
    await store.synced
    const counting = setInterval(() => {
      mostClones = Math.max(mostClones, ...[...world.simulator.world.nodes.keys()].map(runningClones))
    }, 5)
    await Promise.all(names.map((name) => world.apply(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })))
    await until('all are Ready', () => readyNames().size === count, { seconds: 200, describe: () => readyNames().size })
    clearInterval(counting)
  })
  afterAll(async () => {
    watching.abort()
    await world.stop()
  })

  const runningClones = (node: string) =>
    world.simulator.world.tasks.onNode(node).filter((task) => task.type === 'qmclone' && task.endtime === undefined).length
  const isReady = (vm: ProxmoxVM) => world.condition(vm, 'Ready')?.status === 'True'
  const readyNames = () => new Set(versions.filter(isReady).map((vm) => vm.metadata.name))

  it('become one VM each, with an address, a number and a MAC of its own', async () => {
    const vms = await world.client.list(proxmoxVMs, { namespace: world.namespace })
    const different = (of: (vm: ProxmoxVM) => unknown) => new Set(vms.map(of)).size
    expect(world.guests()).toHaveLength(count)
    expect(different((vm) => vm.status?.vmid)).toBe(count)
    expect(different((vm) => vm.status?.addresses?.[0]?.address)).toBe(count)
    expect(different((vm) => vm.status?.interfaces?.[0]?.macAddress)).toBe(count)
    expect((await world.addresses(pool)).filter(({ spec }) => spec.claimRef)).toHaveLength(count)
  })

  it('never copy more on a node than its limit', () => {
    expect(mostClones).toBeGreaterThan(0)
    expect(mostClones).toBeLessThanOrEqual(perNode)
  })

  it('are spread over the nodes', () => {
    const perEach = [...world.simulator.world.nodes.keys()].map((node) => world.guests().filter((guest) => guest.node === node).length)
    expect(Math.max(...perEach) - Math.min(...perEach)).toBeLessThanOrEqual(2)
  })

  it('cost at most twelve writes to the API server each', () => {
    const writes = world.operator?.wire.writes.filter(({ to }) => to === 'kube').length ?? 0
    expect(writes / count).toBeLessThanOrEqual(12)
  })

  it('are at every moment exactly one of Ready, Reconciling and Stalled', () => {
    const judged = versions.filter((vm) => vm.status?.conditions?.length)
    expect(judged.length).toBeGreaterThan(count * 3)
    const states = (vm: ProxmoxVM) => ['Ready', 'Reconciling', 'Stalled'].filter((type) => world.condition(vm, type)?.status === 'True')
    expect(judged.filter((vm) => states(vm).length !== 1).map((vm) => [vm.metadata.name, states(vm), vm.status?.step])).toEqual([])
  })

  it('never step back on their ladder, and say how far they are', () => {
    for (const name of names.slice(0, 10)) {
      const steps = versions.filter((vm) => vm.metadata.name === name).map((vm) => Number(vm.status?.progress?.split('/')[0] ?? 0))
      expect(steps).toEqual(steps.toSorted((a, b) => a - b))
      expect(steps.at(-1)).toBe(12)
    }
  })

  it('go as they came: every address is free again and only templates are left', async () => {
    await Promise.all(names.map((name) => world.delete(name)))
    await until('all are gone', async () => (await world.client.list(proxmoxVMs, { namespace: world.namespace })).length === 0, {
      seconds: 200,
      everyMs: 200,
    })
    expect(world.guests()).toEqual([])
    expect((await world.addresses(pool)).filter(({ spec }) => spec.claimRef)).toEqual([])
  })
})
