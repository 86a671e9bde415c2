import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { recognise } from '../../../src/engine/create/recognise.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

/** What an object without a record is told where the index of guests has one of a former object of its name. */
async function told(o: { isListed: boolean; isNumberFree?: boolean }) {
  const listing = { startedAtMs: 0, guests: new Map(o.isListed ? [[10_000, { vmid: 10_000, node: 'pve1' }]] : []), nodes: new Map() }
  const former = { vmid: 10_000, node: 'pve1', addresses: [], class: 'unclaimed', mark: { uid: 'of-before' } }
  const cluster = {
    inventory: { current: () => listing, since: () => Promise.resolve(listing) },
    guests: { byUid: () => undefined, unread: () => [], get: () => undefined, ofFormer: () => former },
    pve: {
      identity: () => Promise.resolve({}),
      clusterStatus: () => Promise.resolve({ quorate: true }),
      isVmidFree: () => Promise.resolve(o.isNumberFree === true),
    },
  } as unknown as PveCluster
  const deps = quietDependencies({ now: '2026-01-01T00:00:00Z' })
  const obstacle = await recognise({ deps, draft: draftOf(aVm({ status: {} })), memory: memory(), key: 'a/b' } as unknown as Pass, cluster)
  return obstacle?.is === 'stalled' ? obstacle.reason : obstacle
}

describe('a guest of a former object of the name', () => {
  it('is told while PVE lists it, and while its number is in use', async () => {
    expect(await told({ isListed: true })).toBe('OwnedByFormerObject')
    expect(await told({ isListed: false, isNumberFree: false })).toBe('OwnedByFormerObject')
  })

  it('holds up no new VM once it is proved to be gone, though the index of guests still has it', async () => {
    expect(await told({ isListed: false, isNumberFree: true })).toBeUndefined()
  })
})
