import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import { followRestore } from '../../src/engine/restore/follow-restore.ts'
import type { Pass } from '../../src/engine/pass.ts'
import { followRollback } from '../../src/snapshots/rollback.ts'
import { draftOf, memory, quietDependencies } from './dependencies.ts'
import { aVm } from './vms.ts'

const upid = 'UPID:pve1:0000AAAA:00AAAAAA:68F00001:qmrollback:100:op@pve!t:'
const since = '2026-01-01T00:00:00Z'
const running = { requestID: 'r1', since, upid, askedAt: since }

/** A VM whose task PVE could not be asked about. */
function unseen(status: ProxmoxVMStatus) {
  const again: string[] = []
  const cluster = {
    tasks: {
      ended: () => ({ is: 'unknown', why: 'node pve1 has not answered for 2 minutes: no route to host' }),
      lookAgain: (one: string) => again.push(one),
    },
  } as unknown as PveCluster
  const draft = draftOf(aVm({ status: { vmid: 100, node: 'pve1', ...status } }))
  const pass: Pass = { deps: quietDependencies({ now: since }), key: 'shop/one', draft, memory: memory() }
  return { again, cluster, draft, pass }
}

describe('a request whose task PVE cannot be asked about stays open and is asked about again', () => {
  it('when it is a rollback', async () => {
    const { again, cluster, draft, pass } = unseen({ rollback: { running: { ...running, object: 'before', snapshot: 's1' } } })
    expect(await followRollback(pass, cluster)).toMatchObject({ is: 'wait', reason: 'RollingBack' })
    expect(draft.status.rollback).toMatchObject({ running: { upid } })
    expect(again).toEqual([upid])
  })

  it('when it is a restore', async () => {
    const restore = { completedIDs: [], running: { ...running, volume: 'pbs:backup/vm/100/x', node: 'pve1' } }
    const { again, cluster, draft, pass } = unseen({ restore })
    expect(await followRestore(pass, cluster)).toMatchObject({ is: 'wait', reason: 'Restoring' })
    expect(draft.status.restore).toEqual(restore)
    expect(again).toEqual([upid])
  })
})
