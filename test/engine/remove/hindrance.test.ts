import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { climbDown } from '../../../src/engine/remove/climb-down.ts'
import type { RemovalLook } from '../../../src/engine/remove/removal-look.ts'
import { removalOf } from '../../../src/engine/remove/teardown.ts'
import { done, stalled } from '../../../src/ladder/outcome.ts'
import type { RemovalStep } from '../../../src/ladder/removal.ts'
import type { ProxmoxVMSpec } from '../../../src/api/proxmoxvm.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

describe('what stands against a removal', () => {
  it('is asked before the brake counts it, and nothing is done', async () => {
    const asked: string[] = []
    const cluster = {
      pve: { clusterStatus: async () => ({ quorate: true }) },
      deletions: { ask: async () => asked.push('brake') },
    } as unknown as PveCluster
    const look = { at: { node: 'pve1', vmid: 100 }, seen: {}, need: async () => undefined } as unknown as RemovalLook
    const step: RemovalStep = {
      name: 'remove',
      needs: 'presence',
      check: () => ({ is: 'missing', message: 'delete it' }),
      apply: async () => (asked.push('destroy'), done),
    }
    const away = stalled('StorageOff', 'Storage local-lvm is not available.')
    const pass = { deps: quietDependencies({ now: '2026-01-01T00:00:00Z' }), key: 'shop/one', draft: draftOf(aVm()), memory: memory() }
    const outcome = await climbDown(pass, cluster, look, { ladder: [step], errand: { kind: 'deletion' }, hindrance: async () => away })
    expect(outcome).toEqual(away)
    expect(asked).toEqual([])
  })

  it.each<[Partial<ProxmoxVMSpec>, string | undefined]>([
    [{ deletionPolicy: 'Remove' }, 'BackupRunning'],
    [{ deletionPolicy: 'Terminate', backupsOnDelete: 'Keep' }, 'BackupRunning'],
    [{ deletionPolicy: 'Terminate' }, undefined],
  ])('is a backup under way where backups are kept: %j', async (spec, reason) => {
    const vm = aVm({ spec })
    const backup = { metadata: { name: 'last' }, status: { vmUID: vm.metadata.uid, requestedAt: '2026-01-01T00:00:00Z' } }
    const deps = { ...quietDependencies({ now: '2026-01-01T00:00:00Z' }), backupsOf: () => [backup as never] }
    const found = await removalOf({ deps, key: 'shop/one', draft: draftOf(vm) }).hindrance?.()
    expect(found?.is === 'wait' ? found.reason : undefined).toBe(reason)
  })
})
