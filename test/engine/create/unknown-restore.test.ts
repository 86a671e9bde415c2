import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMSpec } from '../../../src/api/proxmoxvm.ts'
import { findLost } from '../../../src/engine/remove/find-lost.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

interface Task {
  readonly id: string
  readonly status: string
}

const copy = { template: { backupRef: { volume: 'pbs:backup/vm/100/2026-01-02T00:00:00Z' }, clone: 'Full' as const } }

/** The end of an object without a record, while PVE knows of these restores; `mark` is the uid in the guest under 10000. */
async function lost(o: { tasks: Task[]; mark?: string; spec?: Partial<ProxmoxVMSpec>; heldBy?: number }) {
  const asked: unknown[] = []
  const deps = {
    ...quietDependencies({
      now: '2026-01-02T00:00:00Z',
      vms: o.heldBy === undefined ? [] : [aVm({ metadata: { uid: 'uid-2' }, status: { vmid: o.heldBy } })],
    }),
    clusters: { get: () => cluster },
  }
  const listing = { nodes: new Map([['pve1', { node: 'pve1', online: true }]]), guests: new Map() }
  const cluster = {
    name: 'fra1',
    clockSkewMs: 0,
    spec: { vmids: { from: 10_000, to: 10_099 } },
    inventory: { current: () => listing, since: async () => listing },
    guests: {
      get: () => undefined,
      byUid: () => undefined,
      unread: () => [],
      look: async (vmid: number) => (o.mark === undefined ? undefined : { mark: { uid: o.mark, vmid } }),
    },
    pve: {
      tasks: async (_: string, query: { source: string; typefilter: string; since: number }) => {
        asked.push(query)
        return o.tasks.filter(({ status }) => (status === 'RUNNING') === (query.source === 'active'))
      },
    },
  }
  const draft = draftOf(aVm({ spec: o.spec ?? copy }))
  const found = await findLost({ deps, draft, memory: memory() } as unknown as Pass)
  return found ? `${found.reason}: ${found.message}` : { asked: asked.length }
}

describe('the end of an object that was to be made from a backup and has no VM on record', () => {
  it('waits while a restore runs that no object has on record', async () => {
    expect(await lost({ tasks: [{ id: '10000', status: 'RUNNING' }] })).toMatch(
      /^LookingForGuests: A restore to VM 10000 runs on pve1 that no object has on record/,
    )
  })

  it('waits for its VM when such a restore has just ended', async () => {
    expect(await lost({ tasks: [{ id: '10000', status: 'OK' }], mark: 'uid-1' })).toMatch(
      /^LookingForGuests: VM 10000 carries the mark of this object/,
    )
  })

  it('goes on when no restore is of it', async () => {
    expect(await lost({ tasks: [] })).toEqual({ asked: 2 })
    expect(await lost({ tasks: [{ id: '10000', status: 'OK' }], mark: 'uid-of-another' })).toEqual({ asked: 2 })
    expect(await lost({ tasks: [{ id: '10000', status: 'OK' }] })).toEqual({ asked: 2 })
  })

  it('goes on when the number is another object’s, or out of the range', async () => {
    expect(await lost({ tasks: [{ id: '10000', status: 'RUNNING' }], heldBy: 10_000 })).toEqual({ asked: 2 })
    expect(await lost({ tasks: [{ id: '9000', status: 'RUNNING' }] })).toEqual({ asked: 2 })
  })

  it('asks for no restores where the object has a template', async () => {
    const spec = { template: { name: 'debian-13', clone: 'Full' as const } }
    expect(await lost({ tasks: [{ id: '10000', status: 'RUNNING' }], spec })).toEqual({ asked: 0 })
  })
})
