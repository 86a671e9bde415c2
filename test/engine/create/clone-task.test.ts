import { describe, expect, it } from '@jest/globals'
import type { AskedClone } from '../../../src/api/clone-request.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { lookUpRequests } from '../../../src/engine/create/clone-task.ts'
import { awaitLateClones } from '../../../src/engine/create/late-clones.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const askedAt = '2026-01-01T00:00:00.000Z'
const askedSeconds = Date.parse(askedAt) / 1000
const request = (more: Partial<AskedClone> = {}): AskedClone => ({ vmid: 10_000, node: 'pve1', template: 9000, askedAt, ...more })

interface Known {
  readonly upid: string
  readonly status: string
  /** The VMID its log names. */
  readonly makes?: number
}

/** A VM with these requests open, `afterSeconds` after they left, on a PVE that lists these clone tasks of the template. */
function ledgerOf(requests: readonly AskedClone[], o: { tasks?: readonly Known[]; afterSeconds?: number; ended?: object } = {}) {
  const since: number[] = []
  const list = o.tasks ?? []
  const cluster = {
    clockSkewMs: 0,
    inventory: { current: () => ({ nodes: new Map([['pve1', {}]]) }) },
    tasks: { ended: () => o.ended, follow: () => () => undefined, forgetUnknown: () => undefined },
    cloneTargets: { of: (upid: string) => Promise.resolve(list.find((task) => task.upid === upid)?.makes) },
    pve: {
      tasks: (_: string, query: { since: number; source: string }) => {
        since.push(query.since)
        return Promise.resolve(list.filter(({ status }) => (status === 'RUNNING') === (query.source === 'active')))
      },
    },
  } as unknown as PveCluster
  const now = new Date(Date.parse(askedAt) + (o.afterSeconds ?? 1) * 1000).toISOString()
  const draft = draftOf(aVm({ status: { vmid: 10_000, cloneRequests: [...requests] } }))
  const pass: Pass = { deps: quietDependencies({ now }), key: 'shop/one', draft, memory: memory() }
  return { since, draft, lookUp: () => lookUpRequests(pass, cluster), letGo: () => awaitLateClones(pass, cluster) }
}

describe('a clone request whose answer was lost', () => {
  it('is looked for from when it left on, by the clock of PVE', async () => {
    const { lookUp, since } = ledgerOf([request()])
    await lookUp()

    expect(since).toEqual([askedSeconds - 5, askedSeconds - 5])
  })

  it('is known again by the log of its task, which names the VM', async () => {
    const { lookUp, draft } = ledgerOf([request()], { tasks: [{ upid: 'UPID:a', status: 'RUNNING', makes: 10_000 }] })

    expect(await lookUp()).toEqual({ running: 'UPID:a', lost: [], mayBegin: false })
    expect(draft.status.cloneRequests).toEqual([request({ upid: 'UPID:a' })])
  })

  it('is closed by how its task ended', async () => {
    const { lookUp, draft } = ledgerOf([request()], { tasks: [{ upid: 'UPID:a', status: 'clone failed: no', makes: 10_000 }] })

    expect(await lookUp()).toMatchObject({ failed: 'clone failed: no', lost: [] })
    expect(draft.status.cloneRequests).toEqual([])
  })

  it('may be a clone that runs and does not say yet what it makes', async () => {
    const { lookUp } = ledgerOf([request()], { afterSeconds: 600, tasks: [{ upid: 'UPID:a', status: 'RUNNING' }] })

    expect(await lookUp()).toEqual({ lost: [request()], mayBegin: true })
  })

  it.each([
    ['stays open for five minutes', 299, 1],
    ['can have no effect after that', 300, 0],
  ])('%s', async (_, afterSeconds, left) => {
    const { lookUp, draft } = ledgerOf([request()], { afterSeconds })
    await lookUp()

    expect(draft.status.cloneRequests).toHaveLength(left)
  })

  it('stays open while PVE cannot report how its task ended, and is over with its node', async () => {
    const ended = { is: 'unknown', why: 'node pve1 has not answered for 2 minutes' }
    const known = request({ upid: 'UPID:pve1:0000053A:000609E7:6B09895D:qmclone:9000:root@pam!sim:' })
    const silent = ledgerOf([known], { ended })
    expect(await silent.lookUp()).toEqual({ unknown: ended.why, lost: [], mayBegin: false })
    expect(silent.draft.status.cloneRequests).toEqual([known])
    expect(await silent.letGo()).toMatchObject({
      is: 'wait',
      lookAfterMs: 15_000,
      message: 'PVE cannot report the result of the clone: node pve1 has not answered for 2 minutes. This object stays until it can.',
    })

    const gone = ledgerOf([{ ...known, upid: known.upid?.replace('pve1', 'pve7') ?? '' }], { ended })
    expect(await gone.lookUp()).toEqual({ lost: [], mayBegin: false })
    expect(gone.draft.status.cloneRequests).toEqual([])
  })

  it('stays open when another request for the same VM is answered', async () => {
    const answered = request({ askedAt: '2026-01-01T00:01:00.000Z', upid: 'UPID:b' })
    const { lookUp, draft } = ledgerOf([request(), answered], { afterSeconds: 90, ended: { is: 'failed', exitstatus: 'File exists' } })

    expect(await lookUp()).toMatchObject({ failed: 'File exists', lost: [request()] })
    expect(draft.status.cloneRequests).toEqual([request(), { ...answered, ended: true }])
  })
})
