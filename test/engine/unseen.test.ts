import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import { unseenWritesOf } from '../../src/cluster/unseen-writes.ts'
import { clusterUnreachable, nodeOffline } from '../../src/engine/unseen.ts'
import type { Clock } from '../../src/ops/clock.ts'
import { draftOf, memory, quietDependencies } from './dependencies.ts'
import { aVm } from './vms.ts'

/** A dead node with VMs of the numbers 1 to `count`, and a clock that stands still until somebody turns it. */
function deadNode(count: number) {
  const time = { ms: Date.parse('2026-01-01T00:00:00Z') }
  const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms, sleep: async () => undefined, after: () => () => undefined }
  const vmids = Array.from({ length: count }, (_, at) => at + 1)
  const node = { node: 'pve2', online: false }
  const guests = new Map(vmids.map((vmid) => [vmid, { vmid, node: 'pve2' }]))
  const cluster = {
    name: 'fra1',
    inventory: { current: () => ({ guests, nodes: new Map([['pve2', node]]) }), unreachableSinceMs: undefined },
    unseenWrites: unseenWritesOf(clock),
  } as unknown as PveCluster
  const deps = { ...quietDependencies({ now: '2026-01-01T00:00:00Z' }), clock }
  const vms = vmids.map((vmid) => ({ deps, draft: draftOf(aVm({ status: { vmid, intentAt: 'x' } as never })), memory: memory() }))
  const dueMs = new Map(vms.map((pass) => [pass, time.ms]))
  /** One pass over each VM that is due; how many statuses changed. */
  const look = (): number =>
    vms.filter((pass) => {
      if ((dueMs.get(pass) ?? 0) > time.ms) return false
      const outcome = nodeOffline(pass, cluster) ?? clusterUnreachable(pass, cluster)
      dueMs.set(pass, time.ms + (outcome?.is === 'wait' ? outcome.lookAfterMs : 0))
      return outcome !== undefined && pass.memory.unseen.turnAtMs === undefined
    }).length
  return { time, node, look, dueNow: () => vms.forEach((pass) => dueMs.set(pass, time.ms)) }
}

describe('the VMs of a dead node', () => {
  it('have their statuses written at 50 a second, the first second included, until all are', () => {
    const { time, look } = deadNode(220)
    const perSecond: number[] = []
    for (let second = 0; second < 5; second++) {
      let written = 0
      for (let part = 0; part < 100; part++, time.ms += 10) written += look()
      perSecond.push(written)
    }
    expect(perSecond).toEqual([50, 50, 50, 50, 20])
  })

  it('take new turns when the node goes again before all were told', () => {
    const { time, node, look, dueNow } = deadNode(100)
    look()
    node.online = true
    time.ms += 1_000
    dueNow()
    look()
    node.online = false
    time.ms += 60_000
    dueNow()
    expect(look()).toBe(1)
  })
})
