/** The intent is given up for another one. */
import { type Outcome, wait } from '../../ladder/outcome.ts'
import type { Climb } from '../climb-pass.ts'
import { requestNoun } from './birth-words.ts'
import { openRequests } from './clone-requests.ts'
import { dropIntent } from './intent-state.ts'

/** Another place, unless a request for this one may still take effect: its VM would be a second one. */
export function chooseAgain(climb: Climb, why: string, lookAfterMs: number): Outcome {
  const { draft, memory } = climb
  const open = openRequests(draft.status, memory).find(({ vmid }) => vmid === draft.status.vmid)
  if (open) return wait('Retrying', `${why}; waiting for an earlier ${requestNoun(open)} request for VM ${open.vmid} first.`, 5_000)
  return giveUpNumber(climb, why, lookAfterMs)
}

/** Drops the intent: the next pass forms a new one. MAC and addresses stay. */
export function giveUpNumber(climb: Climb, why: string, lookAfterMs: number): Outcome {
  climb.deps.inFlight.forget(climb.draft.vm.metadata.uid ?? '')
  climb.memory.record = {}
  climb.draft.change(dropIntent)
  return wait('Provisioning', `${why}; the operator chooses another node.`, lookAfterMs)
}
