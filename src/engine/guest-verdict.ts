/** What the state of a guest makes of the condition Ready of a VM that is as declared otherwise. Pure. */
import type { VmCondition } from '../api/condition-words.ts'
import { type ConditionUpdate, readiness } from './conditions.ts'
import type { GuestShown } from './guest-state.ts'

interface Place {
  readonly vmid: number
  readonly node: string
}

/** Undefined: nobody can tell, and what was said stays (`unknown`), or only a thorough look can judge (`template`). */
export function readyOf(
  state: GuestShown,
  at: Place,
  o: { isSuspended: boolean },
): { verdicts: ConditionUpdate[]; dropped: VmCondition[] } | undefined {
  switch (state.is) {
    case 'running':
      return readiness('ready', 'Running', '')
    case 'stopped':
      return readiness('ready', o.isSuspended ? 'Suspended' : 'Stopped', '')
    case 'hibernated':
      return o.isSuspended ? readiness('ready', 'Suspended', '') : readiness('ready', 'Hibernated', hibernated(at))
    case 'paused':
      return readiness('stalled', 'GuestPaused', paused(at, state.run))
    case 'io-error':
      return readiness('stalled', 'GuestIOError', ioError(at))
    case 'template':
    case 'unknown':
      return undefined
  }
}

const hibernated = ({ vmid, node }: Place) => `VM ${vmid} on ${node} is hibernated: off, with its memory on disk. A start resumes it.`

const paused = ({ vmid, node }: Place, run: string) =>
  `VM ${vmid} is on, but its guest is halted (PVE calls it ${run}). Unless somebody did this on purpose, an admin must run on ${node}: qm resume ${vmid}. Or use the commands Stop and Start (Stop is refused while runStrategy is Always).`

const ioError = ({ vmid, node }: Place) =>
  `VM ${vmid} is halted because PVE could not read or write one of its disks, usually because its storage is full or offline. An admin must repair the storage and then run on ${node}: qm resume ${vmid}.`

/** Somebody made a template of it, which PVE never starts. */
export const templateSentence = ({ vmid, node }: Place): string =>
  `VM ${vmid} on ${node} is now a PVE template, which cannot start; the operator does not touch it. Delete this object to delete it, or run the command Reinstall for a new VM.`
