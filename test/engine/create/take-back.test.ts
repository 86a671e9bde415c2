import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { addressesOf, guestRecordOf } from '../../../src/engine/create/take-back.ts'
import type { Look } from '../../../src/engine/look.ts'
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

describe('a VM that was being made from the backup of another one when its status was lost', () => {
  const copy = aVm({
    metadata: { name: 'copy', uid: 'uid-copy' },
    spec: {
      template: { backupRef: { volume: 'pbs:backup/vm/100/2026-01-02T00:00:00Z' }, clone: 'Full' },
      addresses: [{ name: 'main', poolRef: { name: 'v4' } }],
      cloudInit: { passwordSecretRef: { name: 'login', key: 'password' } },
    },
  })

  /** What the status would say of the guest, which is off and shows an address and a password. */
  async function recorded(o: { values?: Record<string, string>; held?: string }) {
    const isAny = { view: () => ({ space: { family: 'IPv4', usable: { has: () => true } } }) }
    const deps = {
      ...quietDependencies({ now: '2026-01-05T00:00:00Z' }),
      book: { pools: isAny, held: () => (o.held === undefined ? [] : [held(o.held)]) },
      pools: { get: () => ({ spec: { prefixLength: 24 } }) },
      backups: { get: () => undefined },
      client: { get: async () => ({ metadata: { uid: 's', resourceVersion: '1' }, data: { password: 'c2VjcmV0' } }) },
    } as unknown as Pass['deps']
    const values = { tags: 'pve-operator', ipconfig0: 'ip=203.0.113.50/24', cipassword: '**********', ...o.values }
    const look = { need: async () => undefined, at: { node: 'pve1', vmid: 10_000 }, seen: { config: { values }, power: 'stopped' } }
    const cluster = { name: 'fra1', clockSkewMs: 0, spec: { tags: 'Own' } } as unknown as PveCluster
    const pass = { deps, draft: draftOf(copy) } as Pass
    const record = await guestRecordOf(pass, cluster, look as unknown as Look, { passed: [] })
    return {
      isUnfinished: record.isUnfinished,
      addresses: record.addresses.map(({ address }) => address),
      hasPassword: record.passwordVersion !== undefined,
    }
  }

  it('is finished, and has neither the address nor the password of the VM in the file', async () => {
    expect(await recorded({ values: { onboot: '0' } })).toEqual({ isUnfinished: true, addresses: [], hasPassword: false })
    expect(await recorded({})).toEqual({ isUnfinished: true, addresses: [], hasPassword: false })
  })

  it('is told from one that was configured already, by its start at boot or by an address of its own', async () => {
    const own = { isUnfinished: false, addresses: ['203.0.113.50'], hasPassword: true }
    expect(await recorded({ values: { onboot: '1' } })).toEqual(own)
    expect(await recorded({ values: { onboot: '0' }, held: '203.0.113.50' })).toEqual(own)
  })
})
