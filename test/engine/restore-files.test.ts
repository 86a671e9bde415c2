import { describe, expect, it } from '@jest/globals'
import type { RunningRestore } from '../../src/api/restore.ts'
import { needsFile, protectedFiles, withFile } from '../../src/engine/restore/restore-state.ts'

const begun: RunningRestore = { requestID: 'r1', volume: 'pbs:backup/a', node: 'pve1', since: '2026-01-01T00:00:00Z' }
const taken = (running: RunningRestore, volume: string, isProtected: boolean) =>
  withFile(running, { volume: `pbs:backup/${volume}`, node: 'pve1', isProtected })
const names = (running: RunningRestore) => protectedFiles(running).map(({ volume }) => volume.split('/').at(-1))

describe('the files of a restore', () => {
  it('are protected by us only where nobody else did, also when an attempt is repeated', () => {
    expect(names(taken(begun, 'a', true))).toEqual([])
    const first = taken(begun, 'a', false)
    expect(names(first)).toEqual(['a'])
    expect(names(taken(first, 'a', true))).toEqual(['a'])
  })

  it('are remembered when a newer request takes another one, each once, and when it comes back', () => {
    const second = taken(taken(begun, 'a', false), 'b', false)
    expect(second).toMatchObject({ volume: 'pbs:backup/b', unprotect: true })
    expect(names(second)).toEqual(['a', 'b'])
    expect(names(taken(second, 'c', true))).toEqual(['a', 'b'])
    expect(names(taken(second, 'a', true))).toEqual(['b', 'a'])
  })

  it('are needed until it has ended well', () => {
    const status = { restore: { completedIDs: [], running: taken(taken(begun, 'a', false), 'b', true) } }
    expect(['a', 'b', 'c'].filter((name) => needsFile(status, `pbs:backup/${name}`))).toEqual(['a', 'b'])
    expect(needsFile({ restore: { completedIDs: ['r1'] } }, 'pbs:backup/a')).toBe(false)
  })
})
