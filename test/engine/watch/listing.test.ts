import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { broadcastMs, readListing } from '../../../src/engine/watch/listing.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const nowMs = Date.parse('2026-01-01T00:10:00Z')

/** A VM that was seen running at itself, and a listing that says it is stopped. */
async function listed(o: {
  startedAtMs: number
  seenAtMs?: number
  atTheVm: 'running' | 'stopped'
  conditions?: NonNullable<ProxmoxVMStatus['conditions']>
  said?: 'running' | 'stopped'
}) {
  let asked = 0
  const row = { vmid: 10_000, node: 'pve1', kind: 'qemu', status: 'stopped' }
  const cluster = {
    facts: () => undefined,
    inventory: {
      current: () => ({ guests: new Map([[10_000, row]]), startedAtMs: o.startedAtMs, allNodesOnline: true, nodes: new Map() }),
    },
    pve: {
      statusCurrent: () => {
        asked += 1
        return Promise.resolve({ status: o.atTheVm, qmpstatus: o.atTheVm, template: false })
      },
    },
  }
  const draft = draftOf(
    aVm({ status: { vmid: 10_000, node: 'pve1', remoteStatus: o.said ?? 'running', ...(o.conditions && { conditions: o.conditions }) } }),
  )
  const mind = memory({ listing: { ...(o.seenAtMs !== undefined && { powerSeenAtMs: o.seenAtMs }) } })
  await readListing({ deps: quietDependencies({ now: '2026-01-01T00:10:00Z' }), draft, memory: mind }, cluster as unknown as PveCluster)
  const said = draft.status.conditions?.find(({ type }) => type === 'Ready')
  return { ready: said && `${said.status}/${said.reason}`, remoteStatus: draft.status.remoteStatus, asked, isBehind: mind.listing.isBehind }
}

describe('a listing', () => {
  it('older than what was seen at the VM never takes the power back: PVE is asked', async () => {
    const seenAtMs = nowMs - 1_000

    expect(await listed({ startedAtMs: seenAtMs + broadcastMs - 1, seenAtMs, atTheVm: 'running' })).toMatchObject({
      remoteStatus: 'running',
      asked: 1,
      isBehind: true,
    })
  })

  it('brings back a VM that nobody could reach, without a request', async () => {
    const unknown = { type: 'Ready', status: 'Unknown', reason: 'ClusterUnreachable', message: '', lastTransitionTime: '' } as const
    const { asked, ready } = await listed({ startedAtMs: nowMs, atTheVm: 'stopped', conditions: [unknown], said: 'stopped' })

    expect([asked, ready]).toEqual([0, 'True/Stopped'])
  })

  it('asks a VM itself whose node was off, since its row is from before', async () => {
    const unknown = { type: 'Ready', status: 'Unknown', reason: 'NodeOffline', message: '', lastTransitionTime: '' } as const
    const { asked, ready, remoteStatus } = await listed({ startedAtMs: nowMs, atTheVm: 'running', conditions: [unknown] })

    expect([asked, ready, remoteStatus]).toEqual([1, 'True/Running', 'running'])
  })

  it('that can only be newer is believed without a request', async () => {
    const seenAtMs = nowMs - broadcastMs - 1_000

    expect(await listed({ startedAtMs: seenAtMs + broadcastMs, seenAtMs, atTheVm: 'running' })).toMatchObject({
      remoteStatus: 'stopped',
      asked: 0,
    })
  })
})
