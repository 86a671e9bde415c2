/** What of a VM and its outcome decides about the next pass (pure). */
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { isPaused } from './after-pass.ts'
import { clonedFull } from './create/intent-state.ts'
import type { Outcome } from '../ladder/outcome.ts'
import type { VMStatusDraft } from './status-draft.ts'

/** A place in the line of clones is kept by who waits in it, or for PVE. Whoever was stopped by anything else must not hold up the others. */
export const mayBeCloning = (outcome: Outcome): boolean =>
  outcome.is === 'wait' && (outcome.task !== undefined || outcome.reason === 'Queued' || outcome.reason === 'Retrying')

/** A linked clone copies nothing: what full clones take says nothing about it. */
export const taskKindOf = ({ vm, status }: VMStatusDraft): string | undefined =>
  status.step?.name === 'clone' && !clonedFull(vm, status) ? 'qmclone linked' : undefined

/** The finalizer was dropped in this pass: the API server has removed the object, or another finalizer holds it without us. */
export const isObjectGone = ({ vm }: VMStatusDraft): boolean =>
  vm.metadata.deletionTimestamp !== undefined && (vm.metadata.finalizers ?? []).length === 0

/** Changes when the VM has come further, or somebody wants something else of it. */
export const progressMarkOf = (
  { metadata }: ProxmoxVM,
  { localStatus, remoteStatus, vmid, node, reinstall, restore }: ProxmoxVMStatus,
): string =>
  JSON.stringify([
    metadata.generation,
    metadata.deletionTimestamp,
    metadata.annotations,
    localStatus,
    remoteStatus,
    vmid,
    node,
    reinstall,
    restore,
  ])

/** Changes when somebody touches labels or annotations of the object. */
export const metaOf = (vm: ProxmoxVM): string => JSON.stringify([vm.metadata.labels ?? {}, vm.metadata.annotations ?? {}])

/**
 * One that left its work to the engine ends in the pass after it; where nothing is worked on, only the end of one makes room for the next.
 * A pass that changes nothing and asks for itself again would leave no time for anybody.
 */
export const isNextDue = (vm: ProxmoxVM, before: number, now: number): boolean =>
  now > 0 && (now < before || (!isPaused(vm) && vm.metadata.deletionTimestamp === undefined))
