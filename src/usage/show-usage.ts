/** What the status of a VM says of its traffic, and what is told of it: a part of each pass, before anything is decided by it. */
import type { Traffic } from '../api/traffic.ts'
import type { UsageStatus } from '../api/usage.ts'
import { fails, holds, type ConditionUpdate } from '../engine/conditions.ts'
import { nowIso, recordEvent } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { judged } from '../engine/status.ts'
import { trafficOf, usedSentence } from '../want/traffic.ts'
import { trafficMarkOf } from './due.ts'
import type { TrafficMeters } from './meters.ts'

/** Writes what is due. What follows from the limit is on record before it is acted on, so that a crash in between changes nothing. */
export async function showUsage({ deps, draft }: Pass, meters: TrafficMeters, isAsked = false): Promise<void> {
  const { vm } = draft
  const traffic = trafficOf(vm)
  if (!traffic) {
    meters.forget(vm)
    if (!draft.status.usage) return
    draft.change(({ usage: _, ...status }) => status, judged(vm, nowIso(deps.clock), [], ['TrafficWithinLimit']))
    // What holds the VM off is read from what is written.
    await draft.save()
    return
  }
  const before = draft.written.usage
  const usage = meters.due(vm, isAsked)
  if (!usage) return
  const told = verdictOf(usage, traffic)
  draft.change((status) => ({ ...status, usage }), judged(vm, nowIso(deps.clock), told ? [told] : [], told ? [] : ['TrafficWithinLimit']))
  await draft.save()
  meters.noteWritten(draft.vm, usage)
  tell({ deps, draft }, before, usage, told)
}

function verdictOf(usage: UsageStatus, { throttleMbit }: Traffic): ConditionUpdate | undefined {
  if (usage.limitBytes === undefined) return undefined
  if (usage.exceeded === undefined) return holds('TrafficWithinLimit', 'WithinTrafficLimit', '')
  const follows =
    usage.exceeded === 'Suspend'
      ? 'The VM is held off until then, or until the limit is raised.'
      : usage.exceeded === 'Throttle'
        ? `Its network card has ${throttleMbit} Mbit/s until then, or until the limit is raised.`
        : 'Nothing else follows.'
  return fails('TrafficWithinLimit', 'TrafficExceeded', `${usedSentence({ usage })}. ${follows}`)
}

/** Once for each mark that is reached, and once when it is over. */
function tell(
  { deps, draft }: Pick<Pass, 'deps' | 'draft'>,
  before: UsageStatus | undefined,
  now: UsageStatus,
  told: ConditionUpdate | undefined,
): void {
  const [was, is] = [trafficMarkOf(before?.percent), trafficMarkOf(now.percent)]
  const isSamePeriod = before?.periodStart === now.periodStart
  if (now.exceeded !== undefined && now.exceeded !== before?.exceeded)
    recordEvent(deps, draft.vm, 'Warning', 'TrafficExceeded', told?.message ?? '')
  else if (before?.exceeded !== undefined && now.exceeded === undefined)
    recordEvent(
      deps,
      draft.vm,
      'Normal',
      'TrafficLifted',
      isSamePeriod ? `the limit was raised: ${usedSentence({ usage: now })}` : `a new period began: ${usedSentence({ usage: now })}`,
    )
  else if (is > was && now.exceeded === undefined)
    recordEvent(deps, draft.vm, 'Normal', 'TrafficMark', `${is} %: ${usedSentence({ usage: now })}`)
}
