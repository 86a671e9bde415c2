/** Which backups a rule of retention keeps, as PVE and the backup server count (PVE::Storage prune_mark_backup_group; pure). Days are those of UTC. */
import type { Package } from '../api/package.ts'

export type Keep = NonNullable<NonNullable<Package['backups']>['keep']>

const day = (ms: number) => new Date(ms).toISOString().slice(0, 10)
const month = (ms: number) => new Date(ms).toISOString().slice(0, 7)

/** The Thursday of the ISO week names it. */
function week(ms: number): string {
  const date = new Date(ms)
  const weekday = (date.getUTCDay() + 6) % 7
  return day(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() - weekday + 3))
}

const rules = [
  ['last', String],
  ['daily', day],
  ['weekly', week],
  ['monthly', month],
] as const

/** Those of `times` (ms) that stay. The newest always does; with no rule at all, every one. */
export function keptTimes(times: readonly number[], keep: Keep | undefined): Set<number> {
  const newestFirst = times.toSorted((a, b) => b - a)
  if (!keep || rules.every(([rule]) => !keep[rule])) return new Set(newestFirst)
  const isKept = new Map<number, boolean>()
  for (const [rule, periodOf] of rules) mark(newestFirst, isKept, keep[rule] ?? 0, periodOf)
  return new Set([...newestFirst.slice(0, 1), ...newestFirst.filter((time) => isKept.get(time))])
}

/** The newest of each period stays, of so many periods; those that an earlier rule has judged, and their periods, do not count. */
function mark(newestFirst: readonly number[], isKept: Map<number, boolean>, count: number, periodOf: (ms: number) => string): void {
  const before = new Set([...isKept].filter(([, kept]) => kept).map(([time]) => periodOf(time)))
  const periods = new Set<string>()
  for (const time of newestFirst) {
    const period = periodOf(time)
    if (isKept.has(time) || before.has(period)) continue
    if (!periods.has(period) && periods.size >= count) return
    isKept.set(time, !periods.has(period))
    periods.add(period)
  }
}

/** When each of `times` is dropped, if a backup is made at each of `future` (ms, ascending); absent: not within them. */
export function expiryOf(times: readonly number[], keep: Keep | undefined, future: Iterable<number>): Map<number, number> {
  const expiries = new Map<number, number>()
  let kept = keptTimes(times, keep)
  for (const next of future) {
    if (times.every((time) => expiries.has(time))) break
    const after = keptTimes([...kept, next], keep)
    for (const time of kept) if (!after.has(time) && !expiries.has(time)) expiries.set(time, next)
    kept = after
  }
  return expiries
}
