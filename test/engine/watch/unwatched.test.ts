import { describe, expect, it } from '@jest/globals'
import { isUnwatched, unwatchedPauseMs } from '../../../src/engine/watch/unwatched.ts'
import { retry, stalled } from '../../../src/ladder/outcome.ts'
import type { Clock } from '../../../src/ops/clock.ts'
import { Pace } from '../../../src/ops/pace.ts'

describe('a VM that waits for what nobody tells of', () => {
  it.each(['SecretNotFound', 'BridgeNotFound', 'PermissionDenied', 'HostnameTaken', 'Protected', 'VMForeign'] as const)(
    'is one with %s',
    (reason) => expect(isUnwatched(stalled(reason, 'x'))).toBe(true),
  )

  it('is none whose reason a watch or the listing ends, nor one that only another task of PVE could judge', () => {
    expect([stalled('PackageNotFound', 'x'), stalled('InvalidForPVE', 'x'), stalled('Unauthorized', 'x')].filter(isUnwatched)).toEqual([])
    expect(isUnwatched(retry('PermissionDenied', 'x'))).toBe(false)
  })

  it('is looked at after 30 s, and where hundreds take turns after 5 minutes at the latest', () => {
    let nowMs = 0
    const clock = { monotonicMs: () => nowMs } as unknown as Clock
    const turns = new Pace({ calls: 1, perSeconds: 1, burst: 10, clock })
    const pauses = Array.from({ length: 10_000 }, () => unwatchedPauseMs(turns))
    expect([pauses[0], pauses[39], pauses[54], pauses[9_999]]).toEqual([30_000, 30_000, 45_000, 300_000])
    // A crowd takes no turns of the time after it.
    nowMs = 300_000
    expect(unwatchedPauseMs(turns)).toBe(30_000)
    expect(unwatchedPauseMs(undefined)).toBe(30_000)
  })
})
