import { describe, expect, it } from '@jest/globals'
import type { RunningRestore } from '../../../src/api/restore.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { awaitLateClones } from '../../../src/engine/create/late-clones.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const askedAt = '2026-01-01T00:00:00Z'

/** The end of an object whose restore was asked for `afterSeconds` ago, on a PVE that lists these tasks of it. */
function endOf(o: {
  afterSeconds: number
  running?: Partial<RunningRestore>
  tasks?: readonly string[]
  ended?: object
  ownForSeconds?: number
}) {
  const cluster = {
    clockSkewMs: 0,
    inventory: { current: () => ({ nodes: new Map([['pve1', {}]]), guests: new Map() }) },
    tasks: { ended: () => o.ended },
    pve: {
      tasks: async (_: string, { source }: { source: string }) =>
        (o.tasks ?? [])
          .filter((status) => (status === 'RUNNING') === (source === 'active'))
          .map((status) => ({ upid: 'UPID:pve1:1', status })),
    },
  } as unknown as PveCluster
  const deps = quietDependencies({ now: new Date(Date.parse(askedAt) + o.afterSeconds * 1000).toISOString() })
  const running = { requestID: 'r1', volume: 'pbs:backup/vm/10000/x', node: 'pve1', since: askedAt, askedAt, ...o.running }
  const draft = draftOf(aVm({ status: { vmid: 10_000, restore: { completedIDs: [], running } } }))
  const mind = memory()
  if (o.ownForSeconds !== undefined) mind.restore = { askedMs: deps.clock.monotonicMs() - o.ownForSeconds * 1000 }
  const pass: Pass = { deps, key: 'customer-7/small', draft, memory: mind }
  return { draft, outcome: awaitLateClones(pass, cluster) }
}

describe('an object that is deleted while the answer to its restore request is lost', () => {
  it('stays for 5 minutes, in which PVE may still begin the restore', async () => {
    expect(await endOf({ afterSeconds: 66 }).outcome).toMatchObject({ is: 'wait', reason: 'Terminating' })
    expect(await endOf({ afterSeconds: 299 }).outcome).toMatchObject({ is: 'wait', lookAfterMs: 1_000 })
    expect(await endOf({ afterSeconds: 300 }).outcome).toEqual({ is: 'done' })
  })

  it('counts them by the clock that never jumps, where this process has asked', async () => {
    expect(await endOf({ afterSeconds: 3_600, ownForSeconds: 10 }).outcome).toMatchObject({ is: 'wait', reason: 'Terminating' })
  })

  it('waits for the restore that has begun late, and then looks what it made', async () => {
    const late = endOf({ afterSeconds: 70, tasks: ['RUNNING'] })
    expect(await late.outcome).toMatchObject({ is: 'wait', task: 'UPID:pve1:1' })
    expect(late.draft.status.restore?.running?.upid).toBe('UPID:pve1:1')
    expect(await endOf({ afterSeconds: 70, tasks: ['OK'] }).outcome).toMatchObject({ is: 'wait', lookAfterMs: 0 })
  })

  it('stays while PVE cannot report how the restore ended, and no longer than its node is there', async () => {
    const upid = 'UPID:pve1:0000053A:000609E7:6B09895D:qmrestore:10000:root@pam!sim:'
    const ended = { is: 'unknown', why: 'node pve1 has not answered for 2 minutes: No route to host' }
    expect(await endOf({ afterSeconds: 400, running: { upid }, ended }).outcome).toMatchObject({
      is: 'wait',
      task: upid,
      message: expect.stringMatching(/^PVE cannot report the result of the restore of VM 10000: node pve1 has not answered/),
    })
    const elsewhere = upid.replace('pve1', 'pve7')
    expect(await endOf({ afterSeconds: 400, running: { upid: elsewhere }, ended }).outcome).toEqual({ is: 'done' })
  })

  it('does not wait once the end of the restore is known', async () => {
    expect(await endOf({ afterSeconds: 1, running: { upid: 'UPID:pve1:1' }, ended: { is: 'ok' } }).outcome).toEqual({ is: 'done' })
    expect(await endOf({ afterSeconds: 1, running: { upid: 'UPID:pve1:1' } }).outcome).toMatchObject({ is: 'wait', task: 'UPID:pve1:1' })
  })
})
