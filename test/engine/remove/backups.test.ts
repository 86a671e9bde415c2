import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { SeenBackupFiles } from '../../../src/cluster/seen-backup-files.ts'
import { findBackups } from '../../../src/engine/remove/backups.ts'
import { printBackupMark } from '../../../src/ladder/backup-mark.ts'

const at = (iso: string) => Date.parse(iso) / 1000

/** A storage with one backup made at this time by the clock of PVE, which is `clockSkewMs` ahead of ours. */
async function searched(madeAt: string, status: ProxmoxVMStatus, clockSkewMs = 0, notes?: string) {
  const storages = [{ storage: 'local', node: 'pve1', shared: false, content: ['backup'], available: true }]
  const cluster = {
    clockSkewMs,
    backupFiles: new SeenBackupFiles(),
    facts: () => ({ missingPrivileges: [] }),
    inventory: { current: () => ({ storages, nodes: new Map([['pve1', { node: 'pve1', online: true }]]) }) },
    pve: { backups: () => Promise.resolve([{ volid: 'local:backup/b', ctime: at(madeAt), isProtected: false, notes }]) },
  }
  const { found } = await findBackups(cluster as unknown as PveCluster, { vmid: 10_000, ...status }, 'uid-1')
  return found.length > 0 ? 'found' : 'none'
}

describe('a backup under the number of a VM', () => {
  it('is a former holder’s when it is older than the clone, and this VM’s from then on', async () => {
    const clonedAt = '2026-01-01T00:00:10Z'

    expect(await searched('2026-01-01T00:00:09Z', { clonedAt })).toBe('none')
    expect(await searched('2026-01-01T00:00:10Z', { clonedAt })).toBe('found')
  })

  it('is told by the clock of PVE where only our own time of the intent is known', async () => {
    const intentAt = '2026-01-01T00:00:00Z'

    expect(await searched('2026-01-01T00:01:00Z', { intentAt }, 90_000)).toBe('none')
    expect(await searched('2025-12-31T23:59:00Z', { intentAt }, -90_000)).toBe('found')
  })

  it('is this VM’s as well when the former object made it whose VM was taken over, unless spec.adopt said to leave those', async () => {
    const clonedAt = '2026-01-01T00:00:10Z'
    const notes = printBackupMark({ uid: 'b-1', vm: 'uid-0' })
    const adoption = { vmid: 10_000, fromUID: 'uid-0', takenAt: clonedAt }

    expect(await searched('2026-01-01T00:00:09Z', { clonedAt, adoption }, 0, notes)).toBe('found')
    expect(await searched('2026-01-01T00:00:09Z', { clonedAt, adoption: { ...adoption, backups: 'Leave' } }, 0, notes)).toBe('none')
    expect(await searched('2026-01-01T00:00:09Z', { clonedAt, adoption: { vmid: 10_000, fromUID: 'uid-0' } }, 0, notes)).toBe('none')
    expect(await searched('2026-01-01T00:00:09Z', { clonedAt, adoption }, 0, printBackupMark({ uid: 'b-1', vm: 'uid-9' }))).toBe('none')
  })
})

describe('the nodes that are asked for backups of a VM that goes', () => {
  /** Whom PVE is asked about, with a storage of their own on three nodes and one that all share. */
  async function asked(status: ProxmoxVMStatus, note: (files: SeenBackupFiles) => void = () => undefined): Promise<string[]> {
    const nodes = ['pve1', 'pve2', 'pve3']
    const own = nodes.map((node) => ({ storage: 'local', node, shared: false, content: ['backup'], available: true }))
    const shared = { storage: 'nfs', node: 'pve1', shared: true, content: ['backup'], available: true }
    const places: string[] = []
    const backupFiles = new SeenBackupFiles()
    note(backupFiles)
    const cluster = {
      clockSkewMs: 0,
      backupFiles,
      facts: () => ({ missingPrivileges: [] }),
      inventory: { current: () => ({ storages: [...own, shared], nodes: new Map(nodes.map((node) => [node, { node, online: true }])) }) },
      pve: {
        backups: (node: string, storage: string) => {
          places.push(`${storage} ${node}`)
          return Promise.resolve([])
        },
      },
    }
    await findBackups(cluster as unknown as PveCluster, { vmid: 100, clonedAt: '2026-01-01T00:00:00Z', ...status }, 'uid-1')
    return places.toSorted()
  }
  const everywhereNone = (files: SeenBackupFiles) => ['pve1', 'pve2', 'pve3'].forEach((node) => files.note({ storage: 'local', node }, []))

  it('are all as long as the background reading has not seen them', async () => {
    expect(await asked({ node: 'pve1' })).toEqual(['local pve1', 'local pve2', 'local pve3', 'nfs pve1'])
  })

  it('are then those where it is or was, those that had a file of its number, and every shared storage', async () => {
    expect(await asked({ node: 'pve1' }, everywhereNone)).toEqual(['local pve1', 'nfs pve1'])
    expect(await asked({ node: 'pve1', formerNodes: ['pve3'] }, everywhereNone)).toEqual(['local pve1', 'local pve3', 'nfs pve1'])
    const one = (files: SeenBackupFiles) => {
      everywhereNone(files)
      files.add({ storage: 'local', node: 'pve2' }, 100)
    }
    expect(await asked({ node: 'pve1' }, one)).toEqual(['local pve1', 'local pve2', 'nfs pve1'])
  })
})
