/** A meter as the status of its VM has it, and back. Pure. */
import type { Traffic } from '../api/traffic.ts'
import { parseBytes } from '../api/size.ts'
import { timeInSeconds } from '../api/time.ts'
import type { UsageStatus } from '../api/usage.ts'
import { type Meter, usedBytes } from './meter.ts'
import { periodAt } from '../want/traffic-period.ts'

/** A fleet has few limits, asked for with each listing. */
const limits = new Map<string | number, number>()
const mostLimits = 1000

/** The limit in bytes; undefined: unlimited. */
export function limitOf({ limit }: Traffic): number | undefined {
  if (limit === undefined) return undefined
  const bytes = limits.get(limit) ?? parseBytes(limit)
  if (limits.size < mostLimits) limits.set(limit, bytes)
  return bytes === 0 ? undefined : bytes
}

/** What follows from the limit; undefined: it is not reached. */
export function exceededIn(meter: Pick<Meter, 'receivedBytes' | 'sentBytes'>, traffic: Traffic): UsageStatus['exceeded'] {
  const limitBytes = limitOf(traffic)
  return limitBytes !== undefined && usedBytes(meter) >= limitBytes ? (traffic.onExceed ?? 'Report') : undefined
}

/** Percent of the limit, rounded down. */
export const percentOf = (meter: Pick<Meter, 'receivedBytes' | 'sentBytes'>, limitBytes: number): number =>
  Math.floor((usedBytes(meter) * 100) / limitBytes)

/** `throttledMbit` is not the meter's: it stays as it was. */
export function usageRecordOf(meter: Meter, traffic: Traffic, before: UsageStatus | undefined): UsageStatus {
  const limitBytes = limitOf(traffic)
  const exceeded = exceededIn(meter, traffic)
  const { counters, gaps, previous } = meter
  return {
    periodStart: timeInSeconds(meter.periodStartMs),
    periodEnd: timeInSeconds(periodAt(meter.periodStartMs, traffic.resetDay).endMs),
    receivedBytes: meter.receivedBytes,
    sentBytes: meter.sentBytes,
    ...estimated(meter),
    ...(meter.sinceMs !== undefined && { countedSince: timeInSeconds(meter.sinceMs) }),
    measuredAt: timeInSeconds(meter.atMs),
    ...(limitBytes !== undefined && { limitBytes, percent: percentOf(meter, limitBytes) }),
    ...(exceeded !== undefined && { exceeded }),
    ...(before?.throttledMbit !== undefined && { throttledMbit: before.throttledMbit }),
    ...(counters && { counters: { ...counters } }),
    ...(gaps.length > 0 && { gaps: gapsOf(meter) }),
    ...(previous && {
      previous: {
        periodStart: timeInSeconds(previous.periodStartMs),
        receivedBytes: previous.receivedBytes,
        sentBytes: previous.sentBytes,
        ...estimated(previous),
      },
    }),
  }
}

/** As the status has them. */
export const gapsOf = ({ gaps }: Meter): NonNullable<UsageStatus['gaps']> =>
  gaps.map(({ fromMs, toMs }) => ({ from: timeInSeconds(fromMs), to: timeInSeconds(toMs) }))

const estimated = ({ estimatedBytes }: { readonly estimatedBytes: number }) => (estimatedBytes > 0 ? { estimatedBytes } : {})

/** What a process that begins reads back. */
export function meterIn(usage: UsageStatus): Meter {
  const { counters, gaps = [], previous, countedSince } = usage
  return {
    periodStartMs: Date.parse(usage.periodStart),
    ...(countedSince !== undefined && { sinceMs: Date.parse(countedSince) }),
    atMs: Date.parse(usage.measuredAt),
    receivedBytes: usage.receivedBytes,
    sentBytes: usage.sentBytes,
    estimatedBytes: usage.estimatedBytes ?? 0,
    ...(counters && { counters }),
    gaps: gaps.map(({ from, to }) => ({ fromMs: Date.parse(from), toMs: Date.parse(to) })),
    ...(previous && {
      previous: {
        periodStartMs: Date.parse(previous.periodStart),
        receivedBytes: previous.receivedBytes,
        sentBytes: previous.sentBytes,
        estimatedBytes: previous.estimatedBytes ?? 0,
      },
    }),
  }
}
