import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMBackup } from '../../src/api/proxmoxvmbackup.ts'
import type { BackupPass } from '../../src/backups/backup-pass.ts'
import { BackupSlots } from '../../src/backups/backup-slots.ts'
import { BackupStatusDraft } from '../../src/backups/backup-status-draft.ts'
import { followBackup } from '../../src/backups/follow-backup.ts'
import { quietDependencies } from '../engine/dependencies.ts'

const requestedAt = '2026-01-01T00:00:00Z'

/** What a look finds of a request that PVE has not answered for so long and does not list. */
async function after(seconds: number, deletionTimestamp?: string, slots = new BackupSlots(() => [])): Promise<string> {
  const backup = {
    metadata: { name: 'b', namespace: 'customer-7', uid: 'b-1', ...(deletionTimestamp && { deletionTimestamp }) },
    spec: { vmRef: { name: 'small' } },
    status: { cluster: 'fra1', node: 'pve1', vmid: 100, storage: 'pbs', requestedAt },
  } as unknown as ProxmoxVMBackup
  const cluster = {
    name: 'fra1',
    clockSkewMs: 0,
    tasks: { ended: () => undefined },
    inventory: { current: () => undefined },
    pve: { backups: async () => [], tasks: async () => [] },
  }
  const quiet = quietDependencies({ now: requestedAt })
  const deps = { ...quiet, clusters: { get: () => cluster }, backupsOf: () => [backup] }
  const pass = {
    deps,
    key: 'customer-7/small',
    backup: new BackupStatusDraft({ backup, client: {}, store: {} } as unknown as ConstructorParameters<typeof BackupStatusDraft>[0]),
    memory: { attempts: 0, requestedMs: quiet.clock.monotonicMs() - seconds * 1000 },
    slots,
  }
  const outcome = await followBackup(pass as unknown as BackupPass)
  return outcome.is === 'wait' ? outcome.reason : outcome.is
}

describe('a backup whose request got no answer', () => {
  it('is asked for again after a minute', async () => {
    expect([await after(59), await after(61)]).toEqual(['BackupRunning', 'Retrying'])
  })

  it('is waited for 5 minutes where its object is deleted: a file that comes later would be nobody’s', async () => {
    expect([await after(61, requestedAt), await after(299, requestedAt), await after(301, requestedAt)]).toEqual([
      'BackupRunning',
      'BackupRunning',
      'Retrying',
    ])
  })

  it('holds up no other backup after a minute where its object is deleted', async () => {
    const slots = new BackupSlots(() => [])
    const isOverdueAfter = async (seconds: number) => (await after(seconds, requestedAt, slots), slots.isOverdue('b-1'))
    expect([await isOverdueAfter(59), await isOverdueAfter(61)]).toEqual([false, true])
  })
})
