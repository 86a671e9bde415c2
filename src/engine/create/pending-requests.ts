/** What the open requests of a birth say before another one is sent. */
import { type Outcome, retry, stalled, wait } from '../../ladder/outcome.ts'
import { judgeExit } from '../../proxmox/failures.ts'
import type { Climb } from '../climb-pass.ts'
import { nowIso } from '../dependencies.ts'
import { failedSentence } from '../failure-sentence.ts'
import { working } from '../status.ts'
import { follow } from './ask-for-birth.ts'
import { makingNoun } from './birth-words.ts'
import { chooseAgain } from './choose-again.ts'
import { ageMs, silentWindowMs } from './clone-requests.ts'
import { lookUpRequests } from './clone-task.ts'

/** Undefined: none can take effect any more. */
export async function pendingRequest(climb: Climb): Promise<Outcome | undefined> {
  const { draft, deps, cluster, memory } = climb
  const { running, unknown, failed, lost, mayBegin } = await lookUpRequests(climb, cluster)
  if (running) return await follow(climb, running, lost.length > 0 ? 5_000 : undefined)
  if (unknown !== undefined)
    return wait(
      'Retrying',
      `PVE cannot report the result of the ${makingNoun(draft.status)}: ${unknown}. The operator asks PVE again.`,
      15_000,
    )
  if (failed !== undefined) return afterFailure(climb, failed)
  const isStillPossible = lost.some((request) => ageMs(request, { deps, cluster, memory }) < silentWindowMs)
  if (!mayBegin && !isStillPossible) return undefined
  return wait(
    'Retrying',
    `PVE's answer to the ${makingNoun(draft.status)} request may have been lost; if VM ${draft.status.vmid} does not appear within a minute, the operator asks again.`,
    5_000,
  )
}

/** PVE removes what a failed clone left behind, and of a restore an empty guest stays. What was in its way is looked at before it is asked for again. */
function afterFailure(climb: Climb, exitstatus: string): Outcome {
  const failure = judgeExit(exitstatus)
  const { vmid, node, template } = climb.draft.status
  const noun = makingNoun(climb.draft.status)
  climb.cluster.cloneSlots.release(climb.key)
  climb.draft.change(working('clone', nowIso(climb.deps.clock)))
  if (failure.kind === 'no-space' && !template?.isLeft)
    return chooseAgain(climb, `The ${noun} had too little space on ${node}: ${exitstatus}`, 30_000)
  const remedy =
    failure.reason === 'VolumeLeft'
      ? ` An earlier VM ${vmid} may have been deleted while its storage was off. An admin must look at the volume (pvesm list STORAGE --vmid ${vmid}) and delete it if nobody needs it (pvesm free VOLUME).`
      : ''
  const why = `The ${failedSentence(noun, exitstatus)}${remedy}`
  return failure.terminal ? stalled(failure.reason, why) : retry(failure.reason, why)
}
