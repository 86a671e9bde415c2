import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { apiVersion } from '../../src/api/group.ts'
import type { DNSZone, Orphan } from '../../src/api/dnszone.ts'
import { dnsZones } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { leftOf, orphanRecords } from '../../src/dns/audit.ts'
import { handOverOfGone } from '../../src/dns/release.ts'
import { ZoneRecords } from '../../src/dns/zone-records.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { Store } from '../../src/kube/store.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { FaultProxy } from '../kube/fault-proxy.ts'
import { freshName, testClient, testServer } from '../support/kube.ts'
import { until } from '../support/until.ts'

const orphan = (uid: string, ...names: string[]): Orphan => ({
  vm: `customer-7/${uid}`,
  uid,
  since: '2026-11-26T10:00:00Z',
  records: names.map((name) => ({ name, type: 'A', values: ['192.0.2.1'] })),
})

describe('the records of deleted VMs', () => {
  it('stay on the list for the one whose record is still there, when another one of that name has none', () => {
    const orphans = [orphan('first', 'web.example.test'), orphan('second', 'web.example.test', 'other.example.test')]
    const ofSecond = orphanRecords(orphans).filter((each) => each.orphan.uid === 'second' && each.record.name === 'web.example.test')
    expect(leftOf(orphans, new Set(ofSecond))).toEqual([orphan('first', 'web.example.test'), orphan('second', 'other.example.test')])
  })

  it('leave the list with the last of them', () => {
    const orphans = [orphan('first', 'web.example.test')]
    expect(leftOf(orphans, new Set(orphanRecords(orphans)))).toEqual([])
  })
})

describe('the records of a VM whose object went by force', () => {
  const client = testClient()
  let proxy: FaultProxy
  let ours: KubeClient
  let ref: string
  let records: ZoneRecords
  beforeEach(async () => {
    proxy = await FaultProxy.to(testServer().url)
    ours = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
    ref = freshName('zone')
    const spec = { zone: `${ref}.test`, externalDNS: { namespace: 'default' } } as DNSZone['spec']
    const zones = new Store<DNSZone>()
    zones.put(await client.create(dnsZones, { apiVersion, kind: 'DNSZone', metadata: { name: ref }, spec }))
    records = new ZoneRecords({ client: ours, zones })
  })
  afterEach(async () => {
    await client.delete(dnsZones, { name: ref })
    await ours.close()
    await proxy.close()
  })

  const gone = (count: number): ProxmoxVM => {
    const notes = Array.from({ length: count }, (_, at) => ({
      zone: ref,
      name: `${at}.${ref}.test`,
      type: 'PTR',
      values: [`vm.${ref}.test`],
      ttl: 300,
      synced: true,
    }))
    const metadata = { name: 'vm', namespace: 'customer-7', uid: freshName() }
    return { apiVersion, kind: 'ProxmoxVM', metadata, spec: {}, status: { dns: { records: notes } } } as unknown as ProxmoxVM
  }
  const kept = async () => (await client.get(dnsZones, { name: ref }))?.status?.orphans?.[0]?.records.length
  const handOver = (vm: ProxmoxVM, signal: AbortSignal): Promise<void> =>
    handOverOfGone(vm, { records, events: { record: () => undefined }, clock: systemClock }, signal)

  it('are all kept by their zone, as many as a VM can have', async () => {
    await handOver(gone(64), AbortSignal.timeout(120_000))
    expect(await kept()).toBe(64)
  })

  it('are kept by their zone although the API server was away at that moment', async () => {
    proxy.refuse()
    const done = handOver(gone(2), AbortSignal.timeout(120_000))
    await until('it was tried', () => proxy.refused > 0)
    expect(await kept()).toBeUndefined()
    proxy.pass()
    await done
    expect(await kept()).toBe(2)
  })
})
