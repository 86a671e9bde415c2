/** A cluster in mode Observe: whoever plans a write to PVE asks first. Nothing here could reach PVE: there is no client for it. */
import { describe, expect, it } from '@jest/globals'
import { BackupStatusDraft } from '../../src/backups/backup-status-draft.ts'
import type { BackupPass } from '../../src/backups/backup-pass.ts'
import { keepBackup } from '../../src/backups/end-backup.ts'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import { checkRollback } from '../../src/snapshots/rollback-check.ts'
import { SnapshotDraft } from '../../src/snapshots/snapshot-draft.ts'
import type { SnapshotPass } from '../../src/snapshots/snapshot-pass.ts'
import { beginSnapshot } from '../../src/snapshots/take.ts'
import { draftOf, memory, quietDependencies, sayings } from '../engine/dependencies.ts'
import { aVm } from '../engine/vms.ts'

const cluster = { name: 'fra1', spec: { mode: 'Observe' } } as unknown as PveCluster
const quiet = quietDependencies({ now: '2026-01-01T00:00:00Z' })
const vm = aVm({ status: { vmid: 100, node: 'pve1' } })
const of = { key: 'customer-7/small', draft: draftOf(vm), memory: memory() }
const metadata = { name: 's1', namespace: 'customer-7', uid: 'u1', generation: 1 }
const apiVersion = 'pve.hosting/v1alpha1'

describe('in mode Observe', () => {
  it('a snapshot is not asked for, and its object says what would be done', async () => {
    const deps = {
      ...quiet,
      snapshotsOf: () => [],
      snapshots: { put: () => undefined },
      client: { replaceStatus: (_: unknown, object: unknown) => Promise.resolve(object) },
    } as unknown as SnapshotPass['deps']
    const object = { apiVersion, kind: 'ProxmoxVMSnapshot', metadata, spec: { vmRef: { name: 'small' } } }
    const snapshot = new SnapshotDraft({ snapshot: object, deps })
    expect(await beginSnapshot({ ...of, deps, cluster, snapshot })).toEqual({ is: 'done' })
    expect(snapshot.status.intentAt).toBeUndefined()
    expect(sayings(snapshot.status as Parameters<typeof sayings>[0])).toEqual(['Ready=False/Observing', 'Stalled=True/Observing'])
  })

  it('a rollback is refused', async () => {
    expect(await checkRollback({ ...of, deps: quiet }, cluster, 's1')).toEqual({
      why: expect.stringContaining('In mode Manage: VM 100 would be rolled back.'),
    })
  })

  it('the protection of a backup stays as it is', async () => {
    const status = { phase: 'Succeeded', volume: 'pbs:backup/a', cluster: 'fra1', storage: 'pbs', node: 'pve1', protected: true } as const
    const spec = { vmRef: { name: 'small' }, protected: false }
    const backup = new BackupStatusDraft({
      backup: { apiVersion, kind: 'ProxmoxVMBackup', metadata, spec, status },
    } as unknown as ConstructorParameters<typeof BackupStatusDraft>[0])
    const deps = { ...quiet, clusters: { get: () => cluster } }
    expect(await keepBackup({ deps, key: of.key, backup, memory: { attempts: 0 } } as unknown as BackupPass)).toMatchObject({
      is: 'stalled',
      reason: 'Observing',
      message: expect.stringContaining('the protection of pbs:backup/a would be taken off'),
    })
  })
})
