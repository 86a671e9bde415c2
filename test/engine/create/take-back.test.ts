import { describe, expect, it } from '@jest/globals'
import { addressesOf } from '../../../src/engine/create/take-back.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { reasonForCloudInit } from '../../../src/want/cloud-init.ts'
import { draftOf, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const vm = aVm({ spec: { addresses: [{ name: 'main', poolRef: { name: 'v4' } }] } })
const held = (address: string, state?: 'Releasing') => ({
  spec: { address, poolRef: { name: 'v4' }, claimRef: { entry: 'main' }, ...(state && { state }) },
})

describe('an address that is being released', () => {
  it('is not taken for the address of its entry when the status was lost', () => {
    const deps = {
      ...quietDependencies({ now: '2026-01-01T00:00:00Z' }),
      book: { held: () => [held('203.0.113.10', 'Releasing'), held('203.0.113.11')] },
      pools: { get: () => ({ spec: { prefixLength: 24 } }) },
    } as unknown as Pass['deps']
    const shown = ['203.0.113.10', '203.0.113.11']
    expect(addressesOf({ deps, draft: draftOf(vm) } as Pass, shown).map(({ address }) => address)).toEqual(['203.0.113.11'])
  })

  it('needs no cloud-init drive', () => {
    expect(reasonForCloudInit(vm, [{ address: '203.0.113.10', state: 'Releasing' }])).toBeUndefined()
    expect(reasonForCloudInit(vm, [{ address: '203.0.113.11' }])).toContain('203.0.113.11')
  })
})
