import { describe, expect, it } from '@jest/globals'
import type { IPPool } from '../../../src/api/ippool.ts'
import { poolOf } from '../../../src/engine/adopt/prospect.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { usableAddressesOf } from '../../../src/ipam/usable.ts'

const pool = (name: string, clusters?: readonly string[]): IPPool =>
  ({
    metadata: { name },
    spec: {
      ranges: ['203.0.113.10-203.0.113.20'],
      prefixLength: 24,
      scope: name,
      ...(clusters && { clusterRefs: clusters.map((cluster) => ({ name: cluster })) }),
    },
  }) as unknown as IPPool

const passWith = (...pools: IPPool[]): Pass =>
  ({
    draft: { vm: { spec: { clusterRef: { name: 'fra1' } } } },
    deps: {
      pools: { list: () => pools },
      book: {
        pools: {
          view: (name: string) => {
            const found = pools.find(({ metadata }) => metadata.name === name)
            return found && { space: usableAddressesOf(found.spec) }
          },
        },
      },
    },
  }) as unknown as Pass

describe('the pool of an address that a guest shows', () => {
  it('is the one that names the cluster, else one that serves every cluster, never one of another cluster', () => {
    expect(poolOf(passWith(pool('every'), pool('own', ['fra1'])), '203.0.113.10')).toBe('own')
    expect(poolOf(passWith(pool('other', ['ams1']), pool('every')), '203.0.113.10')).toBe('every')
    expect(poolOf(passWith(pool('other', ['ams1'])), '203.0.113.10')).toBeUndefined()
  })

  it('has the address', () => {
    expect(poolOf(passWith(pool('own', ['fra1'])), '203.0.113.99')).toBeUndefined()
    expect(poolOf(passWith(pool('own', ['fra1'])), '2001:db8::1')).toBeUndefined()
  })
})
