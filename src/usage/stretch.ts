/** Stretches of time, and what averages of PVE (rrddata) come to in them. Pure. */

/** From `fromMs` up to, and without, `toMs`; epoch ms. */
export interface Stretch {
  readonly fromMs: number
  readonly toMs: number
}

/** One row of rrddata: averages over the time from `timeSeconds` to the next row. Absent: PVE knows nothing of that time (PVE::RRD). */
export interface TrafficRow {
  readonly timeSeconds: number
  readonly receivedPerSecond?: number
  readonly sentPerSecond?: number
}

/** Bytes in that time. What no row covers counts as nothing. */
export function bytesIn(rows: readonly TrafficRow[], { fromMs, toMs }: Stretch): { receivedBytes: number; sentBytes: number } {
  let [received, sent] = [0, 0]
  rows.forEach((row, at) => {
    const beginMs = row.timeSeconds * 1000
    const endMs = beginMs + stepMs(rows, at)
    const seconds = Math.max(0, Math.min(endMs, toMs) - Math.max(beginMs, fromMs)) / 1000
    received += (row.receivedPerSecond ?? 0) * seconds
    sent += (row.sentPerSecond ?? 0) * seconds
  })
  return { receivedBytes: Math.round(received), sentBytes: Math.round(sent) }
}

/** The last row is as long as the one before it. */
function stepMs(rows: readonly TrafficRow[], at: number): number {
  const [row, next, before] = [rows[at], rows[at + 1], rows[at - 1]]
  if (!row) return 0
  if (next) return (next.timeSeconds - row.timeSeconds) * 1000
  return before ? (row.timeSeconds - before.timeSeconds) * 1000 : 0
}

/** The stretch cut in two at that moment; a part that is empty is of no length. */
export const cutAt = ({ fromMs, toMs }: Stretch, ms: number): { before: Stretch; since: Stretch } => {
  const middle = Math.min(toMs, Math.max(fromMs, ms))
  return { before: { fromMs, toMs: middle }, since: { fromMs: middle, toMs } }
}

const hour = 3_600_000
/** How far back PVE goes with each timeframe, on PVE 8 and 9 (PVE::RRD create_rrd_data), the finest first. */
const reach = [
  ['hour', hour],
  ['day', 24 * hour],
  ['week', 7 * 24 * hour],
  ['month', 30 * 24 * hour],
  ['year', 360 * 24 * hour],
] as const
export type Timeframe = (typeof reach)[number][0]

/** The finest timeframe that goes back to that moment. */
export const timeframeFor = (fromMs: number, nowMs: number): Timeframe =>
  // A row in whose middle the stretch begins may be the oldest one.
  reach.find(([, ms]) => nowMs - fromMs <= ms - 120_000)?.[0] ?? 'year'
