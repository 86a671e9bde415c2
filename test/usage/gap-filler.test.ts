import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import { ClusterDirectory } from '../../src/cluster/directory.ts'
import { Store } from '../../src/kube/store.ts'
import { createLog } from '../../src/ops/log.ts'
import { GapFiller } from '../../src/usage/gap-filler.ts'
import { TrafficMeters } from '../../src/usage/meters.ts'
import { aVm } from '../engine/vms.ts'
import { TestClock } from '../support/test-clock.ts'

const iso = (ms: number) => new Date(ms).toISOString()

/** A cluster `fra1` that answers when told to, and VMs with one gap each: how long ago it ended, in minutes. */
function stage(gaps: { cluster?: string; endedAgoMinutes: number }[]) {
  const clock = new TestClock()
  const vms = new Store<ProxmoxVM>()
  const meters = new TrafficMeters({
    deps: { vms, clusters: new ClusterDirectory(), clock },
    vmsOf: () => vms.list(),
    wake: () => undefined,
  })
  gaps.forEach(({ cluster = 'fra1', endedAgoMinutes }, at) => {
    const toMs = clock.now() - endedAgoMinutes * 60_000
    const usage = {
      periodStart: iso(toMs - 86_400_000),
      receivedBytes: 0,
      sentBytes: 0,
      measuredAt: iso(clock.now()),
      gaps: [{ from: iso(toMs - 600_000), to: iso(toMs) }],
    }
    const spec = { clusterRef: { name: cluster }, package: { traffic: {} } }
    const vm = aVm({ metadata: { name: `vm-${at}`, uid: `uid-${at}` }, spec, status: { vmid: 100 + at, node: 'pve1', usage } })
    vms.upsert(vm)
    // What is on record is read.
    meters.due(vm)
  })
  const asked: number[] = []
  const answers: ((isThere: boolean) => void)[] = []
  const averages = () =>
    new Promise<object[]>((resolve, reject) => answers.push((isThere) => (isThere ? resolve([]) : reject(new Error('the node is off')))))
  const pve = { support: ({ vmid }: { vmid: number }) => (asked.push(vmid), { averages }) }
  const cluster = { name: 'fra1', clockSkewMs: 0, pve } as unknown as PveCluster
  const { background } = new GapFiller({ deps: { clock, log: createLog({ level: 'silent' }) }, meters, cluster })
  const answer = async (isThere: boolean) => {
    answers.shift()?.(isThere)
    await new Promise(setImmediate)
  }
  return { background, meters, clock, asked, answer }
}
const open = { endedAgoMinutes: 10 }

describe('the gaps in the traffic of the VMs of a cluster', () => {
  it('wait for a turn of the background reading, one request for each, one after another', async () => {
    const { background, asked, answer, meters } = stage([open, open])
    const read = background.next()
    expect(read).toMatchObject({ rank: 'round', requests: 1 })
    expect(asked).toEqual([])
    read?.begin()
    expect(background.next()).toBeUndefined()
    await answer(true)
    background.next()?.begin()
    expect(asked).toEqual([100, 101])
    await answer(true)
    expect(meters.gaps('fra1')).toEqual([])
    expect(background.next()).toBeUndefined()
  })

  it('do not wait for one that cannot be read, which is asked about again after a minute', async () => {
    const { background, asked, answer, clock } = stage([open, open])
    background.next()?.begin()
    await answer(false)
    background.next()?.begin()
    await answer(true)
    expect(background.next()).toBeUndefined()
    clock.skip(61_000)
    background.next()?.begin()
    expect(asked).toEqual([100, 101, 100])
  })

  it('are not those of another cluster, nor those whose averages PVE has not written yet', () => {
    expect(stage([{ ...open, cluster: 'nbg1' }]).background.next()).toBeUndefined()
    expect(stage([{ endedAgoMinutes: 2 }]).background.next()).toBeUndefined()
    expect(stage([{ endedAgoMinutes: 3 }]).background.next()).toBeDefined()
  })
})
