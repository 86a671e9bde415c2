import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { findCloneTask } from '../../../src/engine/create/clone-task.ts'

const intentAt = '2026-01-01T00:00:00Z'
const intentSeconds = Date.parse(intentAt) / 1000

/** Asks for the clone of VM 10000 on a PVE whose clock is `clockSkewMs` ahead of ours; `since` is what PVE was asked for. */
async function searched(clockSkewMs: number) {
  const since: number[] = []
  const pve = {
    tasks: (_node: string, query: { since: number; source: string }) => {
      since.push(query.since)
      return Promise.resolve(query.source === 'active' ? [] : [{ upid: 'UPID:a', status: 'OK' }])
    },
  }
  const cluster = { pve, clockSkewMs, cloneTargets: { of: () => Promise.resolve(10_000) } } as unknown as PveCluster
  const found = await findCloneTask(cluster, { vmid: 10_000, intentAt, template: { vmid: 9000, node: 'pve1', selector: 'name=debian-13' } })
  return { since, found }
}

describe('a clone task whose receipt was lost', () => {
  it('is looked for from the intent on, by the clock of PVE', async () => {
    const behind = await searched(-90_000)
    const ahead = await searched(90_000)

    expect(behind.since).toEqual([intentSeconds - 95, intentSeconds - 95])
    expect(ahead.since).toEqual([intentSeconds + 85, intentSeconds + 85])
    expect([behind.found, ahead.found]).toEqual([
      { upid: 'UPID:a', running: false },
      { upid: 'UPID:a', running: false },
    ])
  })
})
