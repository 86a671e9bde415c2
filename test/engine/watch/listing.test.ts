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
  lockAtTheVm?: string
  /** Seen at the VM, and when. */
  lockSeen?: { lock: string; atMs: number }
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
        return Promise.resolve({ status: o.atTheVm, qmpstatus: o.atTheVm, template: false, ...(o.lockAtTheVm && { lock: o.lockAtTheVm }) })
      },
    },
  }
  const draft = draftOf(
    aVm({
      status: {
        vmid: 10_000,
        node: 'pve1',
        remoteStatus: o.said ?? 'running',
        ...(o.conditions && { conditions: o.conditions }),
        ...(o.lockSeen && { remoteLock: o.lockSeen.lock }),
      },
    }),
  )
  const mind = memory({
    listing: { ...(o.seenAtMs !== undefined && { powerSeenAtMs: o.seenAtMs }), ...(o.lockSeen && { lockSeenAtMs: o.lockSeen.atMs }) },
  })
  await readListing({ deps: quietDependencies({ now: '2026-01-01T00:10:00Z' }), draft, memory: mind }, cluster as unknown as PveCluster)
  const said = draft.status.conditions?.find(({ type }) => type === 'Ready')
  const { remoteStatus, remoteLock } = draft.status
  return { ready: said && `${said.status}/${said.reason}`, remoteStatus, remoteLock, asked, isBehind: mind.listing.isBehind }
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

  it('older than what was seen at the VM does not take a lock back, whether PVE is asked or not', async () => {
    const asked = await listed({ startedAtMs: nowMs, seenAtMs: nowMs, said: 'running', atTheVm: 'stopped', lockAtTheVm: 'suspended' })
    const lockSeen = { lock: 'suspended', atMs: nowMs + 1 }
    const unasked = await listed({ startedAtMs: nowMs, said: 'stopped', atTheVm: 'stopped', lockSeen })
    const newer = await listed({ startedAtMs: nowMs + 2, said: 'stopped', atTheVm: 'stopped', lockSeen })

    expect(asked).toMatchObject({ ready: 'True/Hibernated', remoteLock: 'suspended', asked: 1 })
    expect(unasked).toMatchObject({ ready: 'True/Hibernated', remoteLock: 'suspended', asked: 0 })
    expect(newer).toMatchObject({ ready: 'True/Stopped', remoteLock: undefined, asked: 0 })
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

/** What a listing, in which the VM runs, makes of one that was taken over with these differences: `firewall` is that of the datacenter. */
async function taken(o: { differences: { field: string; found: string }[]; firewall?: boolean }) {
  const row = { vmid: 10_000, node: 'pve1', kind: 'qemu', status: 'running' }
  const cluster = {
    facts: () => ({ firewallEnabled: o.firewall }),
    inventory: { current: () => ({ guests: new Map([[10_000, row]]), startedAtMs: nowMs, allNodesOnline: true, nodes: new Map() }) },
  }
  const draft = draftOf(
    aVm({
      status: {
        vmid: 10_000,
        node: 'pve1',
        remoteStatus: 'running',
        firstReadyAt: '2026-01-01T00:00:00Z',
        package: { firewall: { enabled: true } },
        adoption: { vmid: 10_000, takenAt: '2026-01-01T00:00:00Z', differences: o.differences } as never,
        conditions: ['Ready', 'FirewallConfigured'].map((type) => ({
          type,
          status: 'True',
          reason: type === 'Ready' ? 'Running' : type,
          message: '',
          lastTransitionTime: '',
        })),
      },
    }),
  )
  const deps = quietDependencies({ now: '2026-01-01T00:10:00Z' })
  const isLookDue = await readListing({ deps, draft, memory: memory() }, cluster as unknown as PveCluster)
  const firewall = draft.status.conditions?.find(({ type }) => type === 'FirewallConfigured')
  return { isLookDue, firewall: firewall?.status }
}

describe('a listing, of a VM that was taken over', () => {
  it('asks for a look where its power is another than at the takeover, and only there', async () => {
    expect(await taken({ differences: [{ field: 'power', found: 'stopped' }] })).toMatchObject({ isLookDue: true })
    expect(await taken({ differences: [{ field: 'power', found: 'running' }] })).toMatchObject({ isLookDue: false })
    expect(await taken({ differences: [] })).toMatchObject({ isLookDue: false })
  })

  it('says nothing of a datacenter firewall that is off where the firewall of the VM stays off as it was found', async () => {
    const found = [{ field: 'firewall.enable', found: '0' }]
    expect(await taken({ differences: found, firewall: false })).toMatchObject({ firewall: 'True' })
    expect(await taken({ differences: [], firewall: false })).toMatchObject({ firewall: 'False' })
  })
})
