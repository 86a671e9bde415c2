import { describe, expect, it } from '@jest/globals'
import { silenceOf } from '../../src/engine/references.ts'
import type { Failure } from '../../src/proxmox/failures.ts'
import { quietDependencies } from './dependencies.ts'

const { clock } = quietDependencies({ now: '2026-01-01T00:01:00Z' })
const ago = (seconds: number) => clock.now() - seconds * 1000
const failure = (over: Partial<Failure> = {}): Failure => ({
  kind: 'unreachable',
  reason: 'Unreachable',
  message: 'connect ECONNREFUSED',
  terminal: false,
  ...over,
})
const silence = (unreachableSinceMs: number | undefined, lastFailure: Failure | undefined) =>
  silenceOf({ name: 'fra', inventory: { unreachableSinceMs, lastFailure } } as unknown as Parameters<typeof silenceOf>[0], clock)

describe('a PVE that gives no answer', () => {
  it('is asked by the listing alone', () => {
    expect(silence(ago(20), failure())).toEqual({
      is: 'retry',
      reason: 'Unreachable',
      message: 'The PVE of ProxmoxCluster "fra" does not answer: connect ECONNREFUSED',
    })
  })

  it.each([
    ['one that answers', undefined, undefined],
    ['one listing that went wrong a moment ago', ago(5), failure()],
    ['a refusal, which is an answer', ago(20), failure({ kind: 'other', reason: 'Retrying', message: 'cfs-lock error' })],
  ])('is not %s', (_, since, why) => {
    expect(silence(since, why)).toBeUndefined()
  })
})
