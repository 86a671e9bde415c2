/** When the traffic of a VM is written into its status: seldom, and never when nothing is new. Pure. */
import { createHash } from 'node:crypto'
import type { Traffic } from '../api/traffic.ts'
import type { UsageStatus } from '../api/usage.ts'
import type { Meter } from './meter.ts'
import { periodAt } from '../want/traffic-period.ts'
import { exceededIn, gapsOf, limitOf, percentOf } from './record.ts'

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

/** Whether `written` is behind so far that it is written now. Asked for each VM with each listing, so it makes no record of its own. */
export function isDue({ written, meter, traffic, part, isReset, nowMs }: DueInput): boolean {
  if (!written || isReset) return true
  const limitBytes = limitOf(traffic)
  if (limitBytes !== written.limitBytes || exceededIn(meter, traffic) !== written.exceeded) return true
  const startMs = Date.parse(written.periodStart)
  if (meter.periodStartMs !== startMs) return nowMs >= meter.periodStartMs + part * beginningMs
  const percent = limitBytes === undefined ? 0 : percentOf(meter, limitBytes)
  if (trafficMarkOf(percent) !== trafficMarkOf(written.percent)) return true
  if (periodAt(startMs, traffic.resetDay).endMs !== Date.parse(written.periodEnd ?? '')) return true
  if (meter.gaps.length + (written.gaps?.length ?? 0) > 0 && JSON.stringify(gapsOf(meter)) !== JSON.stringify(written.gaps ?? []))
    return true
  return isNew(meter, written) && Date.parse(written.measuredAt) < lastTurn(nowMs, part)
}

/** A VM that is off, or whose network is still, says nothing new every day. */
const isNew = (meter: Meter, written: UsageStatus): boolean =>
  meter.receivedBytes !== written.receivedBytes || meter.sentBytes !== written.sentBytes

/** The VM's own moment of the day, as it was last. */
function lastTurn(nowMs: number, part: number): number {
  const turn = Math.floor(nowMs / dayMs) * dayMs + Math.floor(part * dayMs)
  return turn <= nowMs ? turn : turn - dayMs
}
