import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { findBackups } from '../../../src/engine/remove/backups.ts'

const at = (iso: string) => Date.parse(iso) / 1000

/** A storage with one backup made at this time by the clock of PVE, which is `clockSkewMs` ahead of ours. */
async function searched(madeAt: string, status: ProxmoxVMStatus, clockSkewMs = 0) {
  const storages = [{ storage: 'local', node: 'pve1', shared: false, content: ['backup'], available: true }]
  const cluster = {
    clockSkewMs,
    facts: () => ({ missingPrivileges: [] }),
    inventory: { current: () => ({ storages, nodes: new Map([['pve1', { node: 'pve1', online: true }]]) }) },
    pve: { backups: () => Promise.resolve([{ volid: 'local:backup/b', ctime: at(madeAt), isProtected: false }]) },
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
})
