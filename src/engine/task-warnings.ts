/** A task of PVE that ended well and has something to say: the words are in its log alone. */
import { judge } from '../proxmox/failures.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { TaskEnd } from '../proxmox/task-end.ts'
import { typeOfUpid } from '../proxmox/upid.ts'
import type { StepName } from '../api/words.ts'
import { nowIso, recordEvent } from './dependencies.ts'
import type { Memory } from './memory.ts'
import type { Pass } from './pass.ts'
import { noted } from './status.ts'

const logLines = 500
const mostWords = 900

/** Whatever the task was asked for by: a step, a command, a snapshot. It is told in the next pass, unless who reads its receipt has told it. */
export function noteEnd({ warnings }: Pick<Memory, 'warnings'>, upid: string, end: TaskEnd): void {
  if (end.is === 'ok' && end.warnings && !warnings.told.has(upid)) warnings.untold.add(upid)
}

/** Tells of the tasks that ended with warnings since the last pass. */
export async function tellNoted(pass: Pass, cluster: PveCluster | undefined): Promise<void> {
  const { untold } = pass.memory.warnings
  if (cluster) for (const upid of untold) await tellWarnings(pass, cluster, pass.draft.status.step?.name ?? 'ready', upid)
}

/** Into an Event and into history: a volume that could not be freed, for instance, is nobody's from now on. */
export async function tellWarnings({ draft, deps, key, memory }: Pass, cluster: PveCluster, step: StepName, upid: string): Promise<void> {
  const { told, untold } = memory.warnings
  untold.delete(upid)
  if (told.has(upid)) return
  told.add(upid)
  const words = (await warningsOf(cluster, upid)).join('; ').slice(0, mostWords)
  draft.change(noted(step, nowIso(deps.clock), 'Warnings', words || upid))
  deps.log.warn({ vm: key, vmid: draft.status.vmid, step, upid }, `ended with warnings: ${words}`)
  const what = step === 'ready' ? `Task ${typeOfUpid(upid)}` : step
  recordEvent(deps, draft.vm, 'Warning', 'TaskWarnings', `${what} ended with warnings${words && `: ${words}`}. PVE's log: ${upid}`)
}

/** A log that cannot be read tells nothing and holds nothing up. */
async function warningsOf(cluster: PveCluster, upid: string): Promise<string[]> {
  try {
    const lines = await cluster.pve.taskLog(upid, logLines)
    return lines.filter((line) => /^WARN/i.test(line)).map((line) => line.replace(/^WARN(ING)?S?: */i, ''))
  } catch (fault) {
    return [`the operator cannot read its log: ${judge(fault).message}`]
  }
}
