import { describe, expect, it } from '@jest/globals'
import { missedAtMs, objectionToSchedule, offsetMs, slotAfter, slotBefore } from '../../src/want/backup-schedule.ts'

const at = (text: string) => Date.parse(`${text}:00Z`)
const iso = (ms: number | undefined) => new Date(ms ?? Number.NaN).toISOString().slice(0, 16)
const nightly = { schedule: '30 2 * * *' }

describe('the schedule of backups', () => {
  it('tells the times around a moment', () => {
    expect(iso(slotAfter(nightly, at('2026-11-26T02:30')))).toBe('2026-11-27T02:30')
    expect(iso(slotBefore(nightly, at('2026-11-26T02:30')))).toBe('2026-11-26T02:30')
    expect(iso(slotBefore(nightly, at('2026-11-26T02:29')))).toBe('2026-11-25T02:30')
    expect(iso(slotAfter({ schedule: '0 3 * * sun' }, at('2026-11-26T12:00')))).toBe('2026-11-29T03:00')
  })

  it('spreads a fleet over the hour after it, each VM at the same moment each time', () => {
    const offsets = Array.from({ length: 200 }, (_, n) => offsetMs(nightly, `uid-${n}`))
    expect(offsets.every((ms) => ms >= 0 && ms < 3_600_000)).toBe(true)
    expect(new Set(offsets.map((ms) => Math.floor(ms / 600_000))).size).toBe(6)
    expect(offsetMs(nightly, 'uid-7')).toBe(offsets[7])
    expect(offsetMs({ ...nightly, spread: '0s' }, 'uid-7')).toBe(0)
  })

  it('counts a backup as missed when its time, the spread and two hours are over', () => {
    expect(iso(missedAtMs(nightly, at('2026-11-25T03:10')))).toBe('2026-11-26T05:30')
    expect(missedAtMs({}, 0)).toBeUndefined()
  })

  it.each([
    ['every night', /write minute, hour, day, month and weekday/],
    ['61 2 * * *', /write minute/],
    ['* * * * * *', /write minute/],
    ['0 0 30 2 *', /never matches a date/],
  ])('refuses %j', (schedule, words) => {
    expect(objectionToSchedule({ schedule })).toMatch(words)
  })

  it('takes what people write', () => {
    for (const schedule of ['30 2 * * *', '*/15 * * * *', '0 4 * * mon-fri', '@daily'])
      expect([schedule, objectionToSchedule({ schedule })]).toEqual([schedule, undefined])
  })
})
