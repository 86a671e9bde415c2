import { describe, expect, it } from '@jest/globals'
import { originLabel } from '../../src/api/group.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { ProxmoxVMBackup } from '../../src/api/proxmoxvmbackup.ts'
import { isAskedFor } from '../../src/backups/asked-for.ts'
import { Retention } from '../../src/backups/retention-pass.ts'
import type { Pass } from '../../src/engine/pass.ts'
import { draftOf, memory, quietDependencies } from '../engine/dependencies.ts'
import { aVm } from '../engine/vms.ts'

const volumeOf = (name: string) => `pbs:backup/vm/10000/${name}`
const backup = (name: string, createdAt: string): ProxmoxVMBackup =>
  ({
    metadata: { name, namespace: 'customer-7', uid: name, labels: { [originLabel]: 'Schedule' } },
    spec: { vmRef: { name: 'small' } },
    status: { phase: 'Succeeded', createdAt, volume: volumeOf(name), vmUID: 'uid-1' },
  }) as unknown as ProxmoxVMBackup
const [old, older] = [backup('old', '2026-01-02T00:00:00Z'), backup('older', '2026-01-01T00:00:00Z')]
const made = { intentAt: '2026-01-01T00:00:00Z', vmid: 10_000 }
const restoring = (backupRef: object, status: object = {}) =>
  aVm({ spec: { restore: { requestID: 'r1', backupRef } } as ProxmoxVM['spec'], status: { ...made, ...status } })

describe('a backup', () => {
  it.each([
    ['by the name of its object', restoring({ name: 'older' }), true],
    ['by its file', restoring({ volume: volumeOf('older') }), true],
    [
      'by a VM that is not made yet',
      aVm({ spec: { template: { backupRef: { name: 'older' }, clone: 'Full' } } as ProxmoxVM['spec'] }),
      true,
    ],
    ['not by a restore that is done', restoring({ name: 'older' }, { restore: { completedIDs: ['r1'] } }), false],
    ['not by a restore from another', restoring({ name: 'newest' }), false],
    ['not in another namespace', { ...restoring({ name: 'older' }), metadata: { name: 'small', namespace: 'other' } }, false],
  ] as const)('is asked for %s', (_, vm, expected) => expect(isAskedFor(older, [vm])).toBe(expected))
})

describe('retention', () => {
  /** What it deletes of two backups, of which the newest is to be kept. `generation`: of the VM as the API server has it. */
  async function dropped(vms: readonly ProxmoxVM[], generation?: number): Promise<string[]> {
    const gone: string[] = []
    const vm = aVm({ status: { ...made, package: { backups: { keep: { last: 1 } } } } })
    const client = {
      get: async () => ({ ...vm, metadata: { ...vm.metadata, ...(generation && { generation }) } }),
      delete: async (_: unknown, { name }: { name: string }) => gone.push(name),
      replaceStatus: async (_: unknown, object: object) => object,
    }
    const deps = {
      ...quietDependencies({ now: '2026-01-03T00:00:00Z', vms }),
      vms: { list: () => vms, put: () => undefined },
      backupsOf: () => [old, older],
      clusters: { get: () => ({ spec: { mode: 'Manage' } }) },
      kinds: { leaving: [] },
      mayAct: () => undefined,
      client,
      backups: { put: () => undefined },
      log: { warn: (o: { err: unknown }) => gone.push(String(o.err)) },
    }
    const retention = new Retention()
    const pass = { deps, draft: draftOf(vm), key: 'customer-7/small', memory: memory() } as unknown as Pass
    await retention.apply(pass)
    return gone
  }

  it('deletes the backups that are to go', async () => expect(await dropped([aVm({ status: made })])).toEqual(['older']))

  it('deletes nothing before the operator has read what was changed of the VM, which may be a restore', async () =>
    expect(await dropped([aVm({ status: made })], 7)).toEqual([]))

  it('keeps the one that a restore waits to read, until that is done', async () => {
    expect(await dropped([restoring({ name: 'older' })])).toEqual([])
  })
})
