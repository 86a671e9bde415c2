/** What the second line of the mark says of an object (pure). */
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { ObjectLine } from '../ladder/mark.ts'

/**
 * Requests that must never be carried out again. The one under way counts once the old VM is gone: a VM made after that is its result, and
 * carries this from its first moment.
 */
export function doneRequests({ reinstall }: ProxmoxVMStatus): string[] {
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
