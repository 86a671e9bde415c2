import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { advance, fill, firstMeter, type Meter, type Reading } from '../../src/usage/meter.ts'
import { periodAt } from '../../src/want/traffic-period.ts'

const at = (text: string) => Date.parse(`${text}Z`)
const GB = 1_000_000_000
const reading = (time: string, receivedBytes: number, sentBytes: number, uptimeSeconds: number): Reading => ({
  atMs: at(time),
  receivedBytes,
  sentBytes,
  uptimeSeconds,
})
const next = (meter: Meter, now: Reading, resetDay = 1) => advance(meter, now, periodAt(now.atMs, resetDay))
const first = (now: Reading, o = { isNew: false }) => firstMeter(periodAt(now.atMs), now, o)

/** Not twice within one reading: nothing could tell the second one. */
const isRestart = (history: readonly { restarts: boolean }[], at: number): boolean =>
  history[at]?.restarts === true && (at === 0 || !isRestart(history, at - 1))

describe('the meter of a VM', () => {
  const start = first(reading('2026-11-10T12:00:00', 5 * GB, GB, 1000))

  it('counts from the first reading on, whatever the counters had before', () => {
    expect(start).toMatchObject({
      receivedBytes: 0,
      sentBytes: 0,
      sinceMs: at('2026-11-10T12:00:00'),
      periodStartMs: at('2026-11-01T00:00'),
    })
    const { meter, isReset } = next(start, reading('2026-11-10T12:00:10', 6 * GB, GB + 7, 1010))
    expect(meter).toMatchObject({ receivedBytes: GB, sentBytes: 7, estimatedBytes: 0, gaps: [] })
    expect(isReset).toBe(false)
  })

  it('counts all of a VM that was made just now', () => {
    expect(first(reading('2026-11-10T12:00:00', 500, 20, 8), { isNew: true })).toMatchObject({ receivedBytes: 500, sentBytes: 20 })
  })

  it.each([
    ['of the same process from another node or a cache', 3 * GB, GB, 997],
    ['with equal counters', 5 * GB, GB, 998],
  ])('counts nothing of older figures %s', (_, received, sent, uptime) => {
    const long = first(reading('2026-11-10T12:00:00', 5 * GB, GB, 1000))
    const late = next(long, reading('2026-11-10T12:00:02', received, sent, uptime))
    expect(late).toEqual({ meter: long, isReset: false })
    expect(next(late.meter, reading('2026-11-10T12:00:10', 5 * GB + 9, GB, 1010)).meter).toMatchObject({ receivedBytes: 9, sentBytes: 0 })
  })

  it('counts nothing of a process that had ended, and leaves no gap for a VM that is off', () => {
    const off = next(start, reading('2026-11-10T12:00:10', 0, 0, 0)).meter
    const stale = next(off, reading('2026-11-10T12:00:12', 5 * GB, GB, 1000)).meter
    expect(stale).toMatchObject({ receivedBytes: 0, sentBytes: 0, gaps: [] })
    expect(next(off, reading('2026-11-13T12:00:00', 0, 0, 0))).toMatchObject({ isReset: false, meter: { gaps: [] } })
  })

  it.each([
    ['a restart', 'falls', reading('2026-11-10T12:00:10', 300, 40, 4), 300, 40],
    [
      'a migration that takes longer than the counters take to grow',
      'is younger',
      reading('2026-11-10T12:00:10', 9 * GB, 2 * GB, 6),
      9 * GB,
      2 * GB,
    ],
    ['a network card plugged in again', 'falls in the same process', reading('2026-11-10T12:00:10', 300, 40, 1010), 300, 40],
    ['its end', 'is 0', reading('2026-11-10T12:00:10', 0, 0, 0), 0, 0],
  ])('goes on from 0 after %s: what counts %s', (_, __, now, received, sent) => {
    const { meter, isReset } = next(start, now)
    expect(isReset).toBe(true)
    expect(meter).toMatchObject({ receivedBytes: received, sentBytes: sent, gaps: [], estimatedBytes: 0 })
  })

  it('counts exactly over hours in which nobody looked, while the process is the same', () => {
    const { meter, isReset } = next(start, reading('2026-11-10T18:00:00', 50 * GB, 2 * GB, 22_600))
    expect(meter).toMatchObject({ receivedBytes: 45 * GB, sentBytes: GB, estimatedBytes: 0, gaps: [] })
    expect(isReset).toBe(false)
  })

  it('does not take old figures of PVE for a young process', () => {
    const { meter } = next(start, reading('2026-11-10T12:10:00', 5 * GB + 1, GB, 1300))
    expect(meter).toMatchObject({ receivedBytes: 1, sentBytes: 0, gaps: [] })
  })

  it('notes the time that nobody saw before a restart as a gap, and counts the new process exactly', () => {
    const { meter } = next(start, reading('2026-11-10T18:00:00', 3 * GB, GB, 3600))
    expect(meter).toMatchObject({
      receivedBytes: 3 * GB,
      sentBytes: GB,
      gaps: [{ fromMs: at('2026-11-10T12:00:00'), toMs: at('2026-11-10T17:00:00') }],
    })
  })

  it('fills a gap from the averages of PVE, once, and says how much of it is an estimate', () => {
    const { meter } = next(start, reading('2026-11-10T18:00:00', 0, 0, 0))
    const [gap] = meter.gaps
    if (!gap) throw new Error('there is no gap')
    // Half hours; PVE knows nothing of the second one.
    const rows = [0, 1, 2].map((n) => ({
      timeSeconds: at('2026-11-10T11:45:00') / 1000 + n * 1800,
      ...(n !== 1 && { receivedPerSecond: 100, sentPerSecond: 1 }),
    }))
    const filled = fill(meter, gap, rows)
    expect(filled).toMatchObject({ receivedBytes: 100 * (900 + 1800), sentBytes: 900 + 1800, estimatedBytes: 101 * 2700, gaps: [] })
    expect(fill(filled, gap, rows)).toBe(filled)
  })

  it('opens a period once, and no clock that goes back opens it again', () => {
    const { meter } = next(start, reading('2026-12-01T00:00:05', 8 * GB, GB, 1_771_205))
    expect(meter).toMatchObject({ periodStartMs: at('2026-12-01T00:00'), previous: { periodStartMs: at('2026-11-01T00:00') } })
    expect(meter).not.toHaveProperty('sinceMs')
    const back = next(meter, reading('2026-11-30T23:59:00', 9 * GB, GB, 1_771_300)).meter
    const again = next(back, reading('2026-12-01T00:00:30', 10 * GB, GB, 1_771_400)).meter
    expect(again.periodStartMs).toBe(at('2026-12-01T00:00'))
    expect(again.receivedBytes + (again.previous?.receivedBytes ?? 0)).toBe(5 * GB)
    expect(again.receivedBytes).toBeGreaterThanOrEqual(2 * GB)
  })

  it('divides what was used over the end of a period by time, when nobody looked there', () => {
    const before = next(start, reading('2026-11-30T18:00:00', 5 * GB, GB, 1_749_600)).meter
    const { meter } = next(before, reading('2026-12-01T06:00:00', 15 * GB, GB, 1_792_800))
    expect(meter).toMatchObject({
      receivedBytes: 5 * GB,
      estimatedBytes: 5 * GB,
      previous: { receivedBytes: 5 * GB, estimatedBytes: 5 * GB },
    })
  })

  it('divides a gap over the end of a period by what PVE measured on each side', () => {
    const { meter } = next(start, reading('2026-12-01T01:00:00', 0, 0, 0))
    const rows = [22, 23, 24].map((h) => ({ timeSeconds: at('2026-11-30T00:00:00') / 1000 + h * 3600, receivedPerSecond: h }))
    const [gap] = meter.gaps
    const filled = gap && fill(meter, gap, rows)
    expect(filled).toMatchObject({ receivedBytes: 24 * 3600, previous: { receivedBytes: 45 * 3600 } })
  })

  it('counts a record without counters as one of whose time since then nobody knows anything', () => {
    const { counters: _, ...lost } = start
    const { meter } = next(lost, reading('2026-11-10T18:00:00', 7 * GB, GB, 3600))
    expect(meter).toMatchObject({ receivedBytes: 7 * GB, gaps: [{ toMs: at('2026-11-10T17:00:00') }] })
    const older = next(lost, reading('2026-11-10T18:00:00', 7 * GB, GB, 360_000)).meter
    expect(older).toMatchObject({ receivedBytes: 0, gaps: [{ fromMs: lost.atMs, toMs: at('2026-11-10T18:00:00') }] })
  })

  it('remembers 16 gaps at most and loses no time of them', () => {
    let meter = start
    for (let hour = 1; hour <= 40; hour++)
      meter = next(meter, {
        ...reading('2026-11-10T12:00:00', 0, 0, 0),
        atMs: start.atMs + hour * 3_600_000,
        receivedBytes: 40 - hour,
      }).meter
    expect(meter.gaps).toHaveLength(16)
    expect(meter.gaps[0]?.fromMs).toBe(start.atMs)
  })

  it('counts the same from whichever reading a process that was killed begins again', () => {
    const steps = fc.array(fc.record({ received: fc.nat(1e9), sent: fc.nat(1e9), restarts: fc.boolean() }), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(steps, fc.nat(), (history, cut) => {
        const readings: Reading[] = []
        let [received, sent, uptime] = [5 * GB, GB, 1000]
        for (const step of history) {
          if (isRestart(history, readings.length)) [received, sent, uptime] = [0, 0, 0]
          received += step.received
          sent += step.sent
          uptime += 10
          readings.push({
            atMs: start.atMs + (readings.length + 1) * 10_000,
            receivedBytes: received,
            sentBytes: sent,
            uptimeSeconds: uptime,
          })
        }
        const from = cut % readings.length
        // Killed in the very reading that shows a restart, before it is written: that is a gap, which rrddata fills.
        fc.pre(!isRestart(history, from))
        let meter = start
        let written = start
        readings.forEach((now, index) => {
          // What was not written is lost with the process, and a reset is written at once.
          if (index === from) meter = written
          const step = next(meter, now)
          meter = step.meter
          if (step.isReset) written = meter
        })
        const wholeBytes = history.reduce((total, step) => total + step.received + step.sent, 0)
        expect(meter.receivedBytes + meter.sentBytes).toBe(wholeBytes)
      }),
    )
  })
})
