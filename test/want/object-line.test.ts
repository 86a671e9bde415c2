import { describe, expect, it } from '@jest/globals'
import { doneByKind, doneRequests } from '../../src/want/object-line.ts'

const running = { requestID: 'r2', volume: 'pbs:backup/vm/100/2026-11-26T02:00:00Z', node: 'pve1', since: '' }

describe('the finished requests in the mark', () => {
  it('tell restores from reinstalls, also where both have the same ID', () => {
    const done = doneRequests({ reinstall: { completedIDs: ['r1'] }, restore: { completedIDs: ['r1'] } })
    expect(done).toEqual(['r1', 'restore/r1'])
    expect(doneByKind(done)).toEqual({ reinstalls: ['r1'], restores: ['r1'] })
  })

  it('have a restore under way only once its VM is there', () => {
    expect(doneRequests({ restore: { completedIDs: [], running: { ...running, askedAt: '2026-11-26T03:00:00Z' } } })).toEqual([])
    expect(doneRequests({ restore: { completedIDs: [], running: { ...running, restoredAt: '2026-11-26T03:05:00Z' } } })).toEqual([
      'restore/r2',
    ])
  })
})
