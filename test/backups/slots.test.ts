import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMBackup, ProxmoxVMBackupStatus } from '../../src/api/proxmoxvmbackup.ts'
import { BackupSlots, clusterAsked } from '../../src/backups/backup-slots.ts'
import { proxmoxVMBackups } from '../../src/api/meta.ts'
import { Store } from '../../src/kube/store.ts'

const clusterWith = (limits: object) => ({ name: 'fra1', spec: { limits } }) as unknown as Parameters<BackupSlots['take']>[0]
const usual = clusterWith({})

function scene() {
  const store = new Store<ProxmoxVMBackup>()
  const slots = new BackupSlots(store.index('cluster', clusterAsked))
  const put = (uid: string, status: ProxmoxVMBackupStatus, metadata: object = {}) =>
    store.put({
      apiVersion: 'pve.hosting/v1alpha1',
      kind: proxmoxVMBackups.kind,
      metadata: { name: uid, namespace: 'shop', uid, ...metadata },
      spec: { vmRef: { name: 'web' } },
      status,
    })
  const take = (uid: string, node: string, storage = 'pbs', cluster = usual) => slots.take(cluster, uid, { node, storage })
  return { slots, put, take }
}
const asked = { cluster: 'fra1', node: 'pve1', storage: 'pbs', requestedAt: '2026-01-01T00:00:00Z' }

describe('slots of backups', () => {
  it('are one a node and four a storage unless the cluster says otherwise, and say what is waited for', () => {
    const { take } = scene()
    expect(take('a', 'pve1')).toBeUndefined()
    expect(take('b', 'pve1')).toBe('node pve1 makes 1 already (limits.backupsPerNode is 1)')
    expect(take('b', 'pve1', 'pbs', clusterWith({ backupsPerNode: 2 }))).toBeUndefined()
    expect([take('c', 'pve2'), take('d', 'pve3')]).toEqual([undefined, undefined])
    expect(take('e', 'pve4')).toBe('storage pbs takes 4 already (limits.backupsPerStorage is 4)')
    expect(take('e', 'pve4', 'local')).toBeUndefined()
  })

  it('are not taken by a question, and free once given back', () => {
    const { slots, take } = scene()
    expect(slots.queue(usual, 'a', { node: 'pve1', storage: 'pbs' })).toBeUndefined()
    expect(take('b', 'pve1')).toBeUndefined()
    expect(slots.queue(usual, 'b', { node: 'pve1', storage: 'pbs' })).toBeUndefined()
    slots.release('b')
    expect(take('a', 'pve1')).toBeUndefined()
  })

  it('are held by what PVE was asked for before a restart, each once, until it is finished', () => {
    const { put, take } = scene()
    put('a', asked)
    expect(take('b', 'pve1')).toContain('node pve1 makes 1')
    expect(take('a', 'pve1')).toBeUndefined()
    expect(take('b', 'pve1')).toContain('node pve1 makes 1')
    const { put: putThere, take: takeThere } = scene()
    putThere('a', { ...asked, finishedAt: '2026-01-01T01:00:00Z' })
    putThere('c', { ...asked, cluster: 'ams1' })
    expect(takeThere('b', 'pve1')).toBeUndefined()
  })

  it('are held for a minute by a deleted one whose answer was lost, which is told, and again once PVE has begun it', () => {
    const { slots, put, take } = scene()
    put('a', asked, { deletionTimestamp: '2026-01-01T00:00:10Z', resourceVersion: '1' })
    const told = "counting one that was deleted before PVE's answer came, which PVE may begin within a minute"
    expect(take('b', 'pve1')).toBe(`node pve1 makes 1 already (limits.backupsPerNode is 1), ${told}`)

    slots.noteOverdue('a')
    expect(take('b', 'pve1')).toBeUndefined()
    slots.release('b')

    slots.noteBegun('a')
    put('a', { ...asked, upid: 'UPID:pve1:1:' }, { deletionTimestamp: '2026-01-01T00:00:10Z', resourceVersion: '2' })
    expect(take('b', 'pve1')).toBe('node pve1 makes 1 already (limits.backupsPerNode is 1)')
  })
})
