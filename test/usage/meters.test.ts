import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import { ClusterDirectory } from '../../src/cluster/directory.ts'
import { Store } from '../../src/kube/store.ts'
import { TrafficMeters } from '../../src/usage/meters.ts'
import { aVm } from '../engine/vms.ts'
import { TestClock } from '../support/test-clock.ts'

const usage = (measuredAt: string, receivedBytes: number) => ({
  periodStart: '2026-11-01T00:00:00Z',
  receivedBytes,
  sentBytes: 0,
  measuredAt,
  counters: { receivedBytes, sentBytes: 0, uptimeSeconds: 60 },
})
const vmWith = (record: ReturnType<typeof usage> | undefined): ProxmoxVM => {
  const vm = aVm()
  return { ...vm, spec: { ...vm.spec, package: { traffic: {} } }, status: record ? { usage: record } : {} }
}

/** Whom the meters wake when there is a listing of the only cluster, in which `vm` is the only VM. */
async function wokenByListing(vm: ProxmoxVM): Promise<string[]> {
  const woken: string[] = []
  const inventory = { current: () => ({ startedAtMs: 1, guests: new Map() }) }
  const cluster = { name: vm.spec.clusterRef.name, inventory, clockSkewMs: 0 } as unknown as PveCluster
  const ended = new AbortController()
  const running = new TrafficMeters({
    deps: { vms: new Store<ProxmoxVM>(), clusters: { list: () => [cluster] } as unknown as ClusterDirectory, clock: new TestClock() },
    vmsOf: (name) => (name === cluster.name ? [vm] : []),
    wake: (key) => woken.push(key),
  }).run(ended.signal)
  ended.abort()
  await running
  return woken
}

describe('the meters of a process', () => {
  const meters = () =>
    new TrafficMeters({
      deps: { vms: new Store<ProxmoxVM>(), clusters: new ClusterDirectory(), clock: new TestClock() },
      vmsOf: () => [],
      wake: () => undefined,
    })

  it('begin with what is on record', () => {
    expect(meters().due(vmWith(usage('2026-11-10T00:00:00Z', 7)), true)).toMatchObject({ receivedBytes: 7 })
    expect(meters().due(vmWith(undefined), true)).toBeUndefined()
  })

  it('take over the later record of another process, so that two leaders count nothing twice', () => {
    const here = meters()
    here.due(vmWith(usage('2026-11-10T00:00:00Z', 7)))
    expect(here.due(vmWith(usage('2026-11-10T00:00:30Z', 9)), true)).toMatchObject({ receivedBytes: 9 })
  })

  it('write their own again when an older one, or none, has come in its place', () => {
    const here = meters()
    here.due(vmWith(usage('2026-11-10T00:00:00Z', 7)))
    expect(here.due(vmWith(usage('2026-11-09T00:00:00Z', 3)))).toMatchObject({ receivedBytes: 7 })
    expect(here.due(vmWith(undefined))).toMatchObject({ receivedBytes: 7 })
  })

  it('forget a VM whose package counts nothing any more', () => {
    const here = meters()
    here.due(vmWith(usage('2026-11-10T00:00:00Z', 7)))
    expect(here.sums()).toHaveLength(1)
    here.forget(vmWith(undefined))
    expect(here.sums()).toEqual([])
  })

  it('ask with a listing for a VM whose package counts nothing any more, until its record is taken away', async () => {
    const withoutTraffic = (status: ProxmoxVM['status'], metadata = {}) => aVm({ metadata, ...(status && { status }) })
    expect(await wokenByListing(withoutTraffic({ usage: usage('2026-11-10T00:00:00Z', 7) }))).toEqual(['customer-7/small'])
    expect(await wokenByListing(withoutTraffic({}))).toEqual([])
    const deletionTimestamp = '2026-11-10T00:00:00Z'
    expect(await wokenByListing(withoutTraffic({ usage: usage('2026-11-10T00:00:00Z', 7) }, { deletionTimestamp }))).toEqual([])
  })
})
