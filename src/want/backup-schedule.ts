/** When the schedule of a package wants a backup (pure: the time is handed in). Schedules are read by croner. */
import { Cron } from 'croner'
import { createHash } from 'node:crypto'
import type { Package } from '../api/package.ts'
import { parseDurationSeconds } from '../api/size.ts'

type Backups = NonNullable<Package['backups']>

const usualSpread = '1h'
/** A backup may take so long, on top of its spread, before it counts as missed. */
const graceMs = 2 * 3_600_000

/** Throws what is wrong with it. */
const cronOf = (schedule: string): Cron => new Cron(schedule, { timezone: 'UTC', mode: '5-part' })

/** Undefined: nothing to object to. */
export function objectionToSchedule({ schedule }: Backups): string | undefined {
  if (schedule === undefined) return undefined
  try {
    return cronOf(schedule).nextRun(new Date(0)) === null ? `backups.schedule "${schedule}" never matches a date` : undefined
  } catch (fault) {
    const why = fault instanceof Error ? fault.message.replace(/^CronPattern: /, '') : String(fault)
    return `backups.schedule "${schedule}": ${why}; write minute, hour, day, month and weekday, such as "30 2 * * *"`
  }
}

/** The time of the schedule after this one, in ms since the epoch; undefined: there is none. */
export const slotAfter = ({ schedule }: Backups, afterMs: number): number | undefined =>
  schedule === undefined ? undefined : cronOf(schedule).nextRun(new Date(afterMs))?.getTime()

/** The newest time of the schedule that is not after this one. */
export function slotBefore({ schedule }: Backups, nowMs: number): number | undefined {
  if (schedule === undefined) return undefined
  return cronOf(schedule)
    .previousRuns(1, new Date(nowMs + 1000))[0]
    ?.getTime()
}

const spreadMs = ({ spread }: Backups): number => parseDurationSeconds(spread ?? usualSpread) * 1000

/** How long after each time of the schedule this VM has its turn: the same each time, so that a fleet does not start at once. */
export function offsetMs(backups: Backups, uid: string): number {
  const part = createHash('sha256').update(uid).digest().readUInt32BE() / 2 ** 32
  return Math.floor(part * spreadMs(backups))
}

/** When a VM whose newest backup was begun then counts as not backed up; undefined: never. */
export function missedAtMs(backups: Backups, newestMs: number): number | undefined {
  const due = slotAfter(backups, newestMs)
  return due === undefined ? undefined : due + spreadMs(backups) + graceMs
}
