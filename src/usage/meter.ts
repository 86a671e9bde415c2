/** The traffic of one VM in a period, carried on from one reading of PVE's counters to the next. Pure. */
import type { Period } from '../want/traffic-period.ts'
import { bytesIn, cutAt, type Stretch, type TrafficRow } from './stretch.ts'

/** What PVE shows of one VM: counters of all its network cards since its process began; 0 while it is off. */
export interface Counters {
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly uptimeSeconds: number
}

/** Counters, and when PVE showed them (epoch ms, PVE's clock). */
export interface Reading extends Counters {
  readonly atMs: number
}

interface Tally {
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Of both together. */
  readonly estimatedBytes: number
}

export interface Meter extends Tally {
  readonly periodStartMs: number
  /** Later than the period: it was not counted before. */
  readonly sinceMs?: number
  /** Up to here everything is counted, apart from `gaps`. */
  readonly atMs: number
  /** As shown at `atMs`. Absent: nobody knows; all that came later is a gap. */
  readonly counters?: Counters
  /** What nobody has seen, oldest first. */
  readonly gaps: readonly Stretch[]
  readonly previous?: Tally & { readonly periodStartMs: number }
}

/** As many gaps as are remembered; the oldest two become one. */
const mostGaps = 16
/** PVE keeps one average a minute: what is shorter cannot be filled. */
const leastGapMs = 60_000
/** PVE shows figures that are up to so old (pve-manager, API2Tools), so a process seems to be younger than it is. */
const oldestFiguresMs = 330_000
/** Traffic of so short a time belongs to the period in which it was seen. */
const wholeMs = 60_000

/** The first reading. A VM that was made just now has counters of its own from its beginning. */
export function firstMeter(period: Period, reading: Reading, o: { isNew: boolean }): Meter {
  const counted = o.isNew ? reading : { receivedBytes: 0, sentBytes: 0 }
  return {
    periodStartMs: period.startMs,
    ...(reading.atMs > period.startMs && { sinceMs: reading.atMs }),
    atMs: reading.atMs,
    receivedBytes: counted.receivedBytes,
    sentBytes: counted.sentBytes,
    estimatedBytes: 0,
    counters: countersOf(reading),
    gaps: [],
  }
}

/**
 * Counts on to `reading`. `isReset`: the counters have begun at 0 again since the last one, so the record must move on with them.
 * A period later than the meter's opens it; an earlier one never does, whatever clocks say.
 */
export function advance(meter: Meter, reading: Reading, period: Period): { meter: Meter; isReset: boolean } {
  if (isOlder(meter, reading)) return { meter, isReset: false }
  const { spent, gap, isReset } = spentBetween(meter, reading)
  const atMs = Math.max(meter.atMs, reading.atMs)
  const gaps = gap ? withGap(meter.gaps, gap) : meter.gaps
  const next = { ...meter, atMs, counters: countersOf(reading), gaps }
  if (period.startMs <= meter.periodStartMs) return { meter: add(next, spent), isReset }
  const share = shareAfter(meter.atMs, atMs, period.startMs)
  const later = { receivedBytes: Math.round(spent.receivedBytes * share), sentBytes: Math.round(spent.sentBytes * share) }
  const earlier = { receivedBytes: spent.receivedBytes - later.receivedBytes, sentBytes: spent.sentBytes - later.sentBytes }
  const estimated = share < 1 ? { before: sum(earlier), after: sum(later) } : { before: 0, after: 0 }
  const { receivedBytes, sentBytes, estimatedBytes } = add(next, earlier)
  const { sinceMs: _, ...rest } = next
  return {
    isReset,
    meter: {
      ...rest,
      ...later,
      estimatedBytes: estimated.after,
      periodStartMs: period.startMs,
      previous: { periodStartMs: meter.periodStartMs, receivedBytes, sentBytes, estimatedBytes: estimatedBytes + estimated.before },
    },
  }
}

/** The gap is filled with what the averages of PVE come to in it, by period. */
export function fill(meter: Meter, gap: Stretch, rows: readonly TrafficRow[]): Meter {
  const gaps = meter.gaps.filter(({ fromMs, toMs }) => fromMs !== gap.fromMs || toMs !== gap.toMs)
  if (gaps.length === meter.gaps.length) return meter
  const { previous } = meter
  const { before, since } = cutAt(gap, meter.periodStartMs)
  return {
    ...estimate(meter, bytesIn(rows, since)),
    gaps,
    ...(previous && { previous: estimate(previous, bytesIn(rows, cutAt(before, previous.periodStartMs).since)) }),
  }
}

interface Bytes {
  readonly receivedBytes: number
  readonly sentBytes: number
}

const nothing: Bytes = { receivedBytes: 0, sentBytes: 0 }
const sum = ({ receivedBytes, sentBytes }: Bytes): number => receivedBytes + sentBytes
const countersOf = ({ receivedBytes, sentBytes, uptimeSeconds }: Reading): Counters => ({ receivedBytes, sentBytes, uptimeSeconds })

const add = <T extends Bytes>(tally: T, { receivedBytes, sentBytes }: Bytes): T => ({
  ...tally,
  receivedBytes: tally.receivedBytes + receivedBytes,
  sentBytes: tally.sentBytes + sentBytes,
})
const estimate = <T extends Tally>(tally: T, bytes: Bytes): T => ({
  ...add(tally, bytes),
  estimatedBytes: tally.estimatedBytes + sum(bytes),
})

/** What counts against the limit. */
export const usedBytes = sum

/** What the counters tell, and the time of which they tell nothing. */
function spentBetween(meter: Meter, reading: Reading): { spent: Bytes; gap?: Stretch; isReset: boolean } {
  const { counters, atMs } = meter
  const beganMs = reading.atMs - reading.uptimeSeconds * 1000
  // Off on record, and a process that began before that: figures of before. The next reading tells.
  if (counters?.uptimeSeconds === 0 && beganMs < atMs - oldestFiguresMs) return { spent: nothing, isReset: true }
  // Off then and off now: of a start in between nobody has seen anything.
  if (counters && isOff(counters) && isOff(reading)) return { spent: nothing, isReset: false }
  if (counters && isSameProcess(counters, atMs, reading, beganMs)) {
    const spent = {
      receivedBytes: reading.receivedBytes - counters.receivedBytes,
      sentBytes: reading.sentBytes - counters.sentBytes,
    }
    return { spent, isReset: false }
  }
  // A process that is older than the record has counted what was counted already.
  const isWhole = counters !== undefined || beganMs >= atMs
  const untilMs = reading.uptimeSeconds > 0 && isWhole ? Math.min(reading.atMs, Math.max(atMs, beganMs)) : reading.atMs
  return {
    spent: isWhole ? reading : nothing,
    ...(untilMs - atMs >= leastGapMs && { gap: { fromMs: atMs, toMs: untilMs } }),
    isReset: true,
  }
}

/** Counters begin at 0 with each start from off, each migration, and each network card that is plugged in again. */
function isSameProcess(counters: Counters, atMs: number, reading: Reading, beganMs: number): boolean {
  const isLower = reading.receivedBytes < counters.receivedBytes || reading.sentBytes < counters.sentBytes
  return !isLower && reading.uptimeSeconds >= counters.uptimeSeconds && beganMs <= atMs + oldestFiguresMs
}

/** How much of the time from `fromMs` to `toMs` is not before `startMs`. */
function shareAfter(fromMs: number, toMs: number, startMs: number): number {
  if (toMs - fromMs <= wholeMs) return 1
  return Math.min(1, Math.max(0, (toMs - Math.max(startMs, fromMs)) / (toMs - fromMs)))
}

function withGap(gaps: readonly Stretch[], gap: Stretch): readonly Stretch[] {
  const all = [...gaps, gap]
  const [first, second, ...rest] = all
  return all.length <= mostGaps || !first || !second ? all : [{ fromMs: first.fromMs, toMs: second.toMs }, ...rest]
}

const isOff = (shown: Counters): boolean => shown.uptimeSeconds === 0 && sum(shown) === 0

/** The process on record, seen earlier: by a node that was cut off, or from a cache of PVE (rrd_dump keeps 2 s in each worker). */
function isOlder({ counters, atMs }: Meter, reading: Reading): boolean {
  if (!counters || reading.receivedBytes > counters.receivedBytes || reading.sentBytes > counters.sentBytes) return false
  const backMs = (counters.uptimeSeconds - reading.uptimeSeconds) * 1000
  const beganMs = reading.atMs - reading.uptimeSeconds * 1000
  return backMs > 0 && backMs <= oldestFiguresMs && beganMs < atMs - oldestFiguresMs
}
