import { describe, expect, it } from '@jest/globals'
import type { Seen, Want } from '../../src/engine/machine.ts'
import { missing, satisfied, type Verdict } from '../../src/engine/step.ts'
import { power } from '../../src/steps/power.ts'
import { seeing, settledValues, wanting } from './seen-and-want.ts'

describe('power', () => {
  it.each<[want: Want['power'], seen: Seen['power'], verdict: Verdict]>([
    ['running', 'running', satisfied],
    ['running', 'stopped', missing('power stopped → running')],
    ['started-once', 'stopped', missing('power stopped → running')],
    ['started-once', 'running', satisfied],
    ['left-alone', 'stopped', satisfied],
    ['left-alone', 'running', satisfied],
    ['stopped', 'running', missing('power running → stopped')],
    ['stopped', 'stopped', satisfied],
  ])('of a VM that is to be %s and is %s: %j', (want, seen, verdict) => {
    expect(power.check(seeing(settledValues, seen ? { power: seen } : {}), wanting({ power: want }))).toEqual(verdict)
  })
})
