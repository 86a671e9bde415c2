import { describe, expect, it } from '@jest/globals'
import type { Seen, Want } from '../../src/ladder/machine.ts'
import { missing, satisfied, type Verdict } from '../../src/ladder/step.ts'
import { power, powerOff, stopForChange } from '../../src/steps/power.ts'
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

describe('the stop of a change of package', () => {
  it.each<[claim: string, pending: readonly string[], power: Seen['power'], mayStop: boolean, verdict: Verdict]>([
    ['happens for what PVE does not take live', ['cores', 'memory'], 'running', true, missing('the VM must be off for cores, memory')],
    ['does not happen when nothing is pending', [], 'running', true, satisfied],
    ['does not happen to a VM nobody changes', ['cores'], 'running', false, satisfied],
    ['is not repeated on a VM that is off', ['cores'], 'stopped', true, satisfied],
  ])('%s', (_claim, pending, seen, mayStop, verdict) => {
    const config = { values: settledValues, digest: '', pending }

    expect(stopForChange.check(seeing(settledValues, { config, ...(seen && { power: seen }) }), wanting({ mayStop }))).toEqual(verdict)
  })
})

it('a VM without a cloud-init drive is not stopped for its new addresses, which a start would not tell it', () => {
  const { ide2: _, ...driveless } = settledValues
  const verdict = (values: typeof settledValues | typeof driveless) =>
    stopForChange.check(seeing(values, { power: 'running' }), wanting({ mayStop: true, guestLacksAddresses: true }))

  expect(verdict(settledValues)).toEqual(missing('the VM must be off for its new addresses'))
  expect(verdict(driveless)).toEqual(satisfied)
})

describe('the power of a suspended VM', () => {
  it.each<[want: Want['power'], seen: Seen['power'], verdict: Verdict]>([
    ['stopped', 'running', missing('power running → stopped')],
    ['stopped', 'stopped', satisfied],
    ['running', 'running', satisfied],
  ])('that is to be %s and is %s: %j', (want, seen, verdict) => {
    expect(powerOff.check(seeing(settledValues, seen ? { power: seen } : {}), wanting({ power: want }))).toEqual(verdict)
  })
})
