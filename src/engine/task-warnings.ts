/** A task of PVE that ended well and has something to say: the words are in its log alone. */
import { judge } from '../proxmox/failures.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { StepName } from '../api/words.ts'
import { nowIso, recordEvent } from './dependencies.ts'
import type { Pass } from './pass.ts'
import { noted } from './status.ts'

const logLines = 500
const mostWords = 900

/** Into an Event and into history: a volume that could not be freed, for instance, is nobody's from now on. */
export async function tellWarnings({ draft, deps, key }: Pass, cluster: PveCluster, step: StepName, upid: string): Promise<void> {
  const words = (await warningsOf(cluster, upid)).join('; ').slice(0, mostWords)
  draft.change(noted(step, nowIso(deps.clock), 'Warnings', words || upid))
  deps.log.warn({ vm: key, vmid: draft.status.vmid, step, upid }, `ended with warnings: ${words}`)
  recordEvent(deps, draft.vm, 'Warning', 'TaskWarnings', `${step} ended with warnings${words && `: ${words}`}. PVE's log: ${upid}`)
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
