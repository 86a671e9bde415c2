/**
 * Statuses of a birth that are over in a moment are not written: each is 20 ms of the API server's CPU. What safety demands is written before:
 * the intent, the request for the clone, its task. A resize and a start need no record, since the next look tells whether they happened, and
 * neither does the lock of a clone whose task is on record.
 */
import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { StepName } from '../api/words.ts'
import { isSameJson } from '../kube/json.ts'
import type { Outcome } from '../ladder/outcome.ts'
import type { Clock } from '../ops/clock.ts'
import type { Memory } from './memory.ts'
import { ownPart, type VMStatusDraft } from './status-draft.ts'

/** What lasts longer is written, so that people see it. */
export const heldForMs = 3_000

/** Asking for them a second time changes nothing. */
const repeatable: ReadonlySet<StepName> = new Set<StepName>(['set_system_disk_size', 'set_additional_disk_size', 'start'])

type Drafted = Pick<VMStatusDraft, 'status' | 'written'>
type Held = Pick<Memory, 'held'>

/** Writes the status at the end of a pass, or keeps it for the next one, which must come after so many ms then. */
export async function writeOrHold(draft: VMStatusDraft, memory: Held, outcome: Outcome, clock: Clock): Promise<number | undefined> {
  const leftMs = holdMs(draft, memory, outcome, clock.monotonicMs())
  if (leftMs !== undefined) memory.held.last = { status: draft.status, written: draft.written }
  else await draft.save()
  return leftMs
}

/** How long the status of this pass may still be kept; undefined: it is written now. */
export function holdMs({ status, written }: Drafted, { held }: Held, outcome: Outcome, nowMs: number): number | undefined {
  const task = outcome.is === 'wait' ? outcome.task : undefined
  if (task !== held.task?.upid) held.task = task === undefined ? undefined : { upid: task, sinceMs: nowMs }
  if (!held.task || !isFirstBirth(status) || !(isRepeatable(status, written) || isOnlyLocked(status, written))) return undefined
  const leftMs = held.task.sinceMs + heldForMs - nowMs
  return leftMs > 0 ? leftMs : undefined
}

/** The status to go on with, unless somebody has written another one meanwhile. */
export function takeHeld({ held }: Held, now: ProxmoxVMStatus | undefined): ProxmoxVMStatus | undefined {
  const { last } = held
  held.last = undefined
  return last && isSameJson(ownPart(last.written), ownPart(now)) ? last.status : undefined
}

/** There is nothing of before that a lost record could hurt. */
const isFirstBirth = ({ firstReadyAt, reinstall, restore, adoption, possessions }: ProxmoxVMStatus): boolean =>
  firstReadyAt === undefined && !reinstall?.running && !restore?.running && !adoption && !possessions

const isRepeatable = (status: ProxmoxVMStatus, { vmid, addresses }: ProxmoxVMStatus): boolean =>
  repeatable.has(status.step?.name ?? 'creation') && status.vmid === vmid && isSameJson(status.addresses, addresses)

const isOnlyLocked = (status: ProxmoxVMStatus, written: ProxmoxVMStatus): boolean =>
  status.step?.name === 'clone' && status.remoteLock !== written.remoteLock && isSameJson(withoutLock(status), withoutLock(written))

const withoutLock = ({ remoteLock: _, ...status }: ProxmoxVMStatus) => status
