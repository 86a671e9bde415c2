/** What the second line of the mark says of an object (pure). */
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { ObjectLine } from '../ladder/mark.ts'

/**
 * Requests that must never be carried out again. The one under way counts once the old VM is gone: a VM made after that is its result, and
 * carries this from its first moment.
 */
export function doneRequests(status: ProxmoxVMStatus): string[] {
  return [...doneReinstalls(status), ...doneRestores(status).map(restoreMark)]
}

const restorePrefix = 'restore/'
/** How a restore stands among the finished requests of the mark: its IDs are not those of reinstalls. */
export const restoreMark = (requestID: string): string => `${restorePrefix}${requestID}`

/** What the mark says is done, by what it was. */
export const doneByKind = (done: readonly string[]): { readonly reinstalls: string[]; readonly restores: string[] } => ({
  reinstalls: done.filter((id) => !id.startsWith(restorePrefix)),
  restores: done.filter((id) => id.startsWith(restorePrefix)).map((id) => id.slice(restorePrefix.length)),
})

function doneRestores({ restore }: ProxmoxVMStatus): string[] {
  const { completedIDs = [], running } = restore ?? {}
  return running?.restoredAt !== undefined && !completedIDs.includes(running.requestID)
    ? [...completedIDs, running.requestID]
    : completedIDs
}

function doneReinstalls({ reinstall }: ProxmoxVMStatus): string[] {
  const { completedIDs = [], running } = reinstall ?? {}
  return running?.removed && !completedIDs.includes(running.requestID) ? [...completedIDs, running.requestID] : completedIDs
}

export const objectLineOf = ({ metadata, spec }: ProxmoxVM, status: ProxmoxVMStatus, installation: string): ObjectLine => ({
  installation,
  cluster: spec.clusterRef.name,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  done: doneRequests(status),
})
