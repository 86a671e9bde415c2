import { describe, expect, it } from '@jest/globals'
import { type ClusterOnSale, sellableRows } from '../../src/sale/rows.ts'
import { clusterSpec, leftOf, listingWith } from './seen.ts'

const space = (name: string, labels: Record<string, string> = {}) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
const cluster = (name: string, spec: object = {}, metadata: object = {}): ClusterOnSale['object'] =>
  ({ metadata: { name, ...metadata }, spec: clusterSpec(spec) }) as never
const seen = { left: leftOf(), listing: listingWith(), vms: [] }
const small = (o: { spec?: object; status?: object } = {}) =>
  ({ metadata: { name: 's' }, spec: { systemDisk: { size: '20Gi' }, ...o.spec }, ...(o.status && { status: o.status }) }) as never
const onlyFor = (team: string) => ({ allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team } } } })

describe('status.sellable of a package', () => {
  it('has a row for each cluster, by name', () => {
    const rows = sellableRows(
      small(),
      [
        { object: cluster('b'), seen },
        { object: cluster('a'), seen },
      ],
      [space('shop')],
    )
    expect(rows).toEqual(['a', 'b'].map((name) => ({ cluster: name, count: 47, limitedBy: 'storage ceph' })))
  })

  it('keeps the row of a cluster that does not answer, and has none of one that never did or is gone', () => {
    const sellable = ['a', 'gone'].map((name) => ({ cluster: name, count: 5, limitedBy: 'storage lvm' }))
    const silent = [{ object: cluster('a') }, { object: cluster('new') }]
    expect(sellableRows(small({ status: { sellable } }), silent, [space('shop')])).toEqual(sellable.slice(0, 1))
  })

  it.each([
    ['is being deleted', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }, /deletion of the ProxmoxCluster/],
    ['is only observed', { mode: 'Observe' }, {}, /mode Observe/],
    ['serves no namespace that the package serves', onlyFor('red'), {}, /no namespace may use both/],
  ] as [string, object, object, RegExp][])('is 0 for a cluster that %s', (_, spec, metadata, sentence) => {
    const spaces = [space('shop', { team: 'blue' }), space('lab', { team: 'red' })]
    const [row] = sellableRows(small({ spec: onlyFor('blue') }), [{ object: cluster('a', spec, metadata), seen }], spaces)
    expect(row).toEqual({ cluster: 'a', count: 0, limitedBy: expect.stringMatching(sentence) })
  })

  it('is counted where one namespace may use both', () => {
    const spaces = [space('shop', { team: 'blue' })]
    expect(sellableRows(small({ spec: onlyFor('blue') }), [{ object: cluster('a', onlyFor('blue')), seen }], spaces)).toMatchObject([
      { count: 47 },
    ])
  })
})
