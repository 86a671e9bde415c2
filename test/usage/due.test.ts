import { describe, expect, it } from '@jest/globals'
import { isDue, partOf } from '../../src/usage/due.ts'
import type { Meter } from '../../src/usage/meter.ts'
import { meterIn, usageRecordOf } from '../../src/usage/record.ts'

const at = (text: string) => Date.parse(`${text}Z`)
const traffic = { limit: '100G', onExceed: 'Suspend' as const }
const meter: Meter = {
  periodStartMs: at('2026-11-01T00:00'),
  atMs: at('2026-11-10T12:00'),
  receivedBytes: 50e9,
  sentBytes: 1e9,
  estimatedBytes: 0,
  counters: { receivedBytes: 5, sentBytes: 6, uptimeSeconds: 7 },
  gaps: [],
}
const written = usageRecordOf(meter, traffic, undefined)
const due = (over: Partial<Parameters<typeof isDue>[0]> = {}) =>
  isDue({ written, meter, traffic, part: 0.5, isReset: false, nowMs: at('2026-11-10T12:01'), ...over })
const used = (bytes: number): Meter => ({ ...meter, receivedBytes: bytes, sentBytes: 0 })

describe('the record of traffic', () => {
  it('is read back as it was written', () => {
    const full: Meter = {
      ...meter,
      sinceMs: at('2026-11-05T00:00'),
      estimatedBytes: 9,
      gaps: [{ fromMs: at('2026-11-06T00:00'), toMs: at('2026-11-06T01:00') }],
      previous: { periodStartMs: at('2026-10-01T00:00'), receivedBytes: 1, sentBytes: 2, estimatedBytes: 3 },
    }
    expect(meterIn(usageRecordOf(full, traffic, undefined))).toEqual(full)
    expect(meterIn(written)).toEqual(meter)
  })

  it('is not written for traffic between the marks, and is for the marks', () => {
    expect(due()).toBe(false)
    expect(due({ meter: used(79e9) })).toBe(false)
    expect(due({ meter: used(80e9) })).toBe(true)
    const at80 = usageRecordOf(used(80e9), traffic, undefined)
    expect(due({ written: at80, meter: used(89e9) })).toBe(false)
    expect(due({ written: at80, meter: used(90e9) })).toBe(true)
    expect(due({ written: at80, meter: used(100e9) })).toBe(true)
    expect(usageRecordOf(used(100e9), traffic, undefined)).toMatchObject({ percent: 100, exceeded: 'Suspend' })
    expect(usageRecordOf(used(100e9 - 1), traffic, undefined)).not.toHaveProperty('exceeded')
  })

  it('is written at a reset of the counters, at another limit, and for the first time', () => {
    expect(due({ isReset: true })).toBe(true)
    expect(due({ written: undefined })).toBe(true)
    expect(due({ traffic: { limit: '200G' } })).toBe(true)
    expect(due({ traffic: {} })).toBe(true)
  })

  it('is written once a day at the moment of the VM, unless nothing is new', () => {
    const noon = at('2026-11-11T12:00')
    expect(due({ meter: used(52e9), nowMs: noon - 1 })).toBe(false)
    expect(due({ meter: used(52e9), nowMs: noon })).toBe(true)
    expect(due({ nowMs: noon })).toBe(false)
  })

  it('is written within an hour of a new period, and at once for a VM that is held off', () => {
    const begun: Meter = { ...used(1), periodStartMs: at('2026-12-01T00:00'), atMs: at('2026-12-01T00:10') }
    expect(due({ meter: begun, nowMs: at('2026-12-01T00:10') })).toBe(false)
    expect(due({ meter: begun, nowMs: at('2026-12-01T00:30') })).toBe(true)
    const held = usageRecordOf(used(100e9), traffic, undefined)
    expect(due({ written: held, meter: begun, nowMs: at('2026-12-01T00:10') })).toBe(true)
  })

  it('spreads VMs over the day, each always at the same moment', () => {
    const parts = Array.from({ length: 1000 }, (_, at) => partOf(`uid-${at}`))
    expect(parts.every((part) => part >= 0 && part < 1)).toBe(true)
    expect(parts.filter((part) => part < 0.25).length).toBeGreaterThan(200)
    expect(partOf('uid-7')).toBe(parts[7])
  })
})
