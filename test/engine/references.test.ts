import { describe, expect, it } from '@jest/globals'
import { clusterFor, silenceOf } from '../../src/engine/references.ts'
import type { Failure } from '../../src/proxmox/failures.ts'
import { quietDependencies } from './dependencies.ts'
import { aVm } from './vms.ts'

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

describe('a cluster that this process has not asked yet', () => {
  const problem = { reason: 'Unreachable', message: 'connect ECONNREFUSED' }
  const answer = (status: Parameters<typeof clusterFor>[1]['status'], told?: typeof problem) =>
    clusterFor(
      { clusterObjects: { get: () => ({ spec: {}, metadata: {} }) }, clusters: { get: () => undefined, problem: () => told } } as never,
      { vm: aVm(), status },
    )
  const underWay = { intentAt: '2026-01-01T00:00:00Z', step: { name: 'start', since: '2026-01-01T00:00:00Z', upid: 'UPID:pve1' } } as const

  it('leaves what a former process said of a VM under way, and the task that it waited for', () => {
    expect(answer(underWay)).toMatchObject({ is: 'wait', reason: 'ClusterNotReady', isQuiet: true })
  })

  it('is told of a VM of which nothing was said, and once there is a reason of every VM', () => {
    const wait = expect.not.objectContaining({ isQuiet: true })
    expect([answer({ intentAt: '2026-01-01T00:00:00Z' }), answer(underWay, problem)]).toEqual([wait, wait])
  })
})
