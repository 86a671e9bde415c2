import { describe, expect, it } from '@jest/globals'
import { heldFinalizer } from '../../src/api/group.ts'
import type { PoolAddress, PoolAddressSpec } from '../../src/api/pooladdress.ts'
import { namespaceAllowed } from '../../src/ipam/allowed-namespaces.ts'
import { keepingOf } from '../../src/ipam/record-keeping.ts'

const hour = 3_600_000
const nowMs = Date.parse('2026-11-24T12:00:00Z')
const claimRef = { namespace: 'shop', name: 'web', uid: 'u', entry: 'main', since: '2026-11-24T00:00:00.000Z' }
const address = (hoursAgo: number, spec: Partial<PoolAddressSpec> = {}, metadata: Partial<PoolAddress['metadata']> = {}): PoolAddress => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'PoolAddress',
  metadata: { name: `192.0.2.${hoursAgo}`, ...metadata },
  spec: {
    address: `192.0.2.${hoursAgo}`,
    poolRef: { name: 'pool' },
    scope: 'default',
    state: 'Released',
    releasedAt: new Date(nowMs - hoursAgo * hour).toISOString(),
    ...spec,
  },
})
const keep = (addresses: PoolAddress[], o: { keepRecordsMs?: number; reuseAfterMs?: number } = {}) => {
  const { rested, expired, freed, nextMs } = keepingOf(addresses, {
    nowMs,
    keepRecordsMs: 24 * hour,
    reuseAfterMs: 2 * hour,
    isLiving: () => true,
    ...o,
  })
  const names = (list: readonly PoolAddress[]): string[] => list.map(({ spec }) => spec.address)
  return { rested: names(rested), expired: names(expired), freed: names(freed), inHours: (nextMs - nowMs) / hour }
}

describe('record keeping', () => {
  it('drops records after keepRecords and marks what has rested', () => {
    const all = [address(1, { state: 'Cooling' }), address(3, { state: 'Cooling' }), address(10), address(24)]
    expect(keep(all)).toEqual({ rested: ['192.0.2.3'], expired: ['192.0.2.24'], freed: [], inHours: 1 })
  })

  it('keeps a record at least as long as its address rests', () => {
    expect(keep([address(1, { state: 'Cooling' })], { keepRecordsMs: 0 })).toMatchObject({ expired: [], inHours: 1 })
    expect(keep([address(3, { state: 'Cooling' })], { keepRecordsMs: 0 })).toMatchObject({ expired: ['192.0.2.3'] })
  })

  it('leaves what is held alone, and has nothing to come back for', () => {
    expect(keep([address(99, { claimRef, state: 'Allocated' }, { finalizers: [heldFinalizer] })])).toEqual({
      rested: [],
      expired: [],
      freed: [],
      inHours: Infinity,
    })
  })

  it('frees what an admin deleted: orphans, not what a VM holds', () => {
    const going = { deletionTimestamp: '2026-11-24T11:00:00Z', finalizers: [heldFinalizer] }
    const all = [
      address(1, { claimRef, orphaned: true }, going),
      address(2, { claimRef }, going),
      address(3, {}, going),
      address(4, {}, { ...going, finalizers: ['other'] }),
    ]
    expect(keep(all).freed).toEqual(['192.0.2.1', '192.0.2.3'])
  })
})

describe('allowed namespaces', () => {
  const labels = { tier: 'gold', team: 'a' }
  it.each<[what: string, allowed: Parameters<typeof namespaceAllowed>[0], is: boolean]>([
    ['absent', undefined, true],
    ['All', { from: 'All' }, true],
    ['an empty selector', { from: 'Selector', selector: {} }, true],
    ['a label it has', { from: 'Selector', selector: { matchLabels: { tier: 'gold' } } }, true],
    ['a label it has with another value', { from: 'Selector', selector: { matchLabels: { tier: 'silver' } } }, false],
    ['In', { from: 'Selector', selector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] } }, true],
    ['In without the label', { from: 'Selector', selector: { matchExpressions: [{ key: 'no', operator: 'In', values: ['a'] }] } }, false],
    [
      'NotIn without the label',
      { from: 'Selector', selector: { matchExpressions: [{ key: 'no', operator: 'NotIn', values: ['a'] }] } },
      true,
    ],
    [
      'NotIn with the value',
      { from: 'Selector', selector: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] } },
      false,
    ],
    ['Exists', { from: 'Selector', selector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } }, true],
    ['DoesNotExist', { from: 'Selector', selector: { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] } }, false],
  ])('are judged as Kubernetes judges selectors: %s', (_, allowed, is) => expect(namespaceAllowed(allowed, labels)).toBe(is))
})
