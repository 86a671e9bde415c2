import { judgeExit } from '../proxmox/failures.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { leaveTask } from './apply/leaving.ts'
import { nowIso } from './dependencies.ts'
import { failedSentence, bridgeSentence } from './failure-sentence.ts'
import { noted, working } from './status.ts'
import type { Pass } from './pass.ts'
import type { VMStatusDraft } from './status-draft.ts'
import { unreportedEnd } from './unreported-end.ts'
import { type Outcome, retry, stalled, waitForTask } from '../ladder/outcome.ts'

/**
 * The task of the last pass. While it runs there is nothing to do; when it ended badly its text is judged like a refused request, and the next
 * pass looks: tasks fail having succeeded. The clone's receipt is read by engine/create/clone.ts, where absence matters.
 */
export function readReceipt(pass: Pick<Pass, 'deps' | 'draft' | 'memory'>, cluster: PveCluster): Outcome | undefined {
  const { deps, draft } = pass
  const { step } = draft.status
  if (!step?.upid || step.name === 'clone' || step.name === 'restore') return undefined
  const end = cluster.tasks.ended(step.upid)
  if (!end) return waitForTask(step.upid, `${step.name} is under way.`)
  if (isOfRemoval(draft)) return undefined
  const unreported = unreportedEnd(cluster, step.upid, { of: `the task of ${step.name}`, isShown: true })
  if (unreported) return unreported
  const iso = nowIso(deps.clock)
  draft.change(working(step.name, iso, { ...(step.attempts !== undefined && { attempts: step.attempts }) }))
  if (end.is !== 'failed') return undefined
  const failure = judgeExit(end.exitstatus)
  if (harmless.has(failure.kind)) return undefined
  draft.change(noted(step.name, iso, 'Failed', end.exitstatus))
  deps.observe.stepEnded(step.name, 'failed', 0)
  if (leaveTask(pass, failure)) return undefined
  const started = { spec: draft.vm.spec, status: draft.status }
  const why = bridgeSentence(started, end.exitstatus) ?? failedSentence(step.name, end.exitstatus)
  return failure.terminal ? stalled(failure.reason, why) : retry(failure.reason, why)
}

const isOfRemoval = ({ status: { step, reinstall } }: VMStatusDraft) =>
  step?.name === 'remove' || (step?.name === 'stop' && reinstall?.running !== undefined && !reinstall.running.removed)

/** "already running", and a configuration somebody else changed: the look decides. */
const harmless: ReadonlySet<string> = new Set(['running', 'conflict'])
