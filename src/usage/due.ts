/** When the traffic of a VM is written into its status: seldom, and never when nothing is new. Pure. */
import { createHash } from 'node:crypto'
import type { Traffic } from '../api/traffic.ts'
import type { UsageStatus } from '../api/usage.ts'
import type { Meter } from './meter.ts'
import { usageRecordOf } from './record.ts'

const dayMs = 86_400_000
/** At the beginning of a period VMs that nothing holds back are written within so long, one after another. */
const beginningMs = 3_600_000

/** The marks at which somebody is told: percent of the limit. */
export const marks = [80, 90, 100] as const

/** The highest mark that is reached; 0: none. */
export const trafficMarkOf = (percent = 0): number => marks.findLast((mark) => percent >= mark) ?? 0

/** 0 up to, and without, 1: always the same for one VM, so that a fleet is spread. */
export const partOf = (uid: string): number => createHash('sha256').update(uid).digest().readUInt32BE() / 2 ** 32

interface DueInput {
  readonly written: UsageStatus | undefined
  readonly meter: Meter
  readonly traffic: Traffic
  /** Of the VM: 0 to 1. */
  readonly part: number
  /** The counters have begun at 0 again since it was written. */
  readonly isReset: boolean
  readonly nowMs: number
}

/** Whether `written` is behind so far that it is written now. */
export function isDue({ written, meter, traffic, part, isReset, nowMs }: DueInput): boolean {
  if (!written || isReset) return true
  const now = usageRecordOf(meter, traffic, written)
  if (now.exceeded !== written.exceeded || now.limitBytes !== written.limitBytes) return true
  if (now.periodStart !== written.periodStart) return nowMs >= meter.periodStartMs + part * beginningMs
  if (now.periodEnd !== written.periodEnd || trafficMarkOf(now.percent) !== trafficMarkOf(written.percent)) return true
  if (JSON.stringify(now.gaps) !== JSON.stringify(written.gaps)) return true
  return isNew(now, written) && Date.parse(written.measuredAt) < lastTurn(nowMs, part)
}

/** A VM that is off, or whose network is still, says nothing new every day. */
const isNew = (now: UsageStatus, written: UsageStatus): boolean =>
  now.receivedBytes !== written.receivedBytes || now.sentBytes !== written.sentBytes

/** The VM's own moment of the day, as it was last. */
function lastTurn(nowMs: number, part: number): number {
  const turn = Math.floor(nowMs / dayMs) * dayMs + Math.floor(part * dayMs)
  return turn <= nowMs ? turn : turn - dayMs
}
