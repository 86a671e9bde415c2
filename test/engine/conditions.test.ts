import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Condition } from '../../src/api/object.ts'
import { vmConditions } from '../../src/api/condition-words.ts'
import type { Reason } from '../../src/api/reasons.ts'
import { fails, holds, readiness, withoutConditions, withUpdates } from '../../src/engine/conditions.ts'
import { conditionOf, isTrue } from '../../src/api/condition.ts'

const first = '2026-01-01T00:00:00Z'
const later = '2026-01-01T00:01:00Z'
const ready = withUpdates([], [holds('Ready', 'Running')], 1, first)

/** The conditions after each of these standings, one after another. */
function after(standings: readonly Parameters<typeof readiness>[0][]): Condition[] {
  return standings.reduce<Condition[]>((old, is) => {
    const { verdicts, dropped } = readiness(is, 'Running', '')
    return withUpdates(withoutConditions(old, dropped), verdicts, 1, first)
  }, [])
}

describe('conditions', () => {
  it('say since when they hold', () => {
    expect(ready).toEqual([
      { type: 'Ready', status: 'True', reason: 'Running', message: '', lastTransitionTime: first, observedGeneration: 1 },
    ])
  })

  it.each<[claim: string, reason: Reason, status: 'True' | 'False', time: string]>([
    ['keep their time while their status stays', 'Stopped', 'True', first],
    ['change their time with their status', 'Unreachable', 'False', later],
  ])('%s', (_claim, reason, status, time) => {
    const [condition] = withUpdates(ready, [{ type: 'Ready', status, reason, message: 'm' }], 2, later)

    expect(condition).toEqual({ type: 'Ready', status, reason, message: 'm', lastTransitionTime: time, observedGeneration: 2 })
  })

  it('stay equal when the same is said again', () => {
    expect(withUpdates(ready, [holds('Ready', 'Running')], 1, later)).toEqual(ready)
  })

  it('stand in one order, those of other writers last', () => {
    const foreign: Condition = { type: 'DNSSynced', status: 'True', reason: 'x', message: '', lastTransitionTime: first }
    const all = withUpdates([foreign], [holds('Stalled'), holds('Cloned'), holds('Ready')], 1, first)

    expect(all.map((condition) => condition.type)).toEqual(['Ready', 'Cloned', 'DNSSynced', 'Stalled'].toSorted(byRank))
  })

  it('are cut where the API server would refuse them', () => {
    expect(withUpdates([], [fails('Ready', 'Retrying', 'x'.repeat(9999))], 1, first)[0]?.message).toHaveLength(4096)
  })

  it('are found by type', () => {
    expect(conditionOf(ready, 'Ready')?.reason).toBe('Running')
    expect(conditionOf(undefined, 'Ready')).toBeUndefined()
    expect(isTrue(ready, 'Ready')).toBe(true)
    expect(isTrue(ready, 'Stalled')).toBe(false)
  })
})

const byRank = (a: string, b: string) => rank(a) - rank(b)
const rank = (type: string) => {
  const index = (vmConditions as readonly string[]).indexOf(type)
  return index === -1 ? vmConditions.length : index
}

describe('the standing of a VM', () => {
  it('is exactly one of Ready, Reconciling and Stalled, whatever it was before', () => {
    const is = fc.constantFrom('ready' as const, 'reconciling' as const, 'stalled' as const)
    fc.assert(
      fc.property(fc.array(is, { minLength: 1, maxLength: 6 }), (standings) => {
        const conditions = after(standings)
        expect((['Ready', 'Reconciling', 'Stalled'] as const).filter((type) => isTrue(conditions, type))).toHaveLength(1)
      }),
    )
  })

  it('says in Ready what it says in the other', () => {
    expect(readiness('stalled', 'VMIDTaken', 'm').verdicts).toEqual([fails('Ready', 'VMIDTaken', 'm'), holds('Stalled', 'VMIDTaken', 'm')])
    expect(after(['stalled', 'ready']).map((condition) => condition.type)).toEqual(['Ready'])
  })
})
