/** Requests that were carried out although the status does not know: it came back from an older time. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { markOf, parseMark, unionOfDone } from '../../ladder/mark.ts'
import { Look } from '../look.ts'
import { doneByKind } from '../../want/object-line.ts'
import type { Pass } from '../pass.ts'

/** Asks the VM's own description before anything is destroyed for a request; what it knows is in the status afterwards. */
export async function wasCarriedOut({ draft }: Pick<Pass, 'draft'>, cluster: PveCluster, requestID: string): Promise<boolean> {
  const { vm, status } = draft
  const vmid = status.vmid ?? 0
  const look = new Look({ cluster, vmid, mark: markOf(vm.metadata.uid ?? '', vmid), proofSinceMs: 0 })
  await look.need('presence')
  const done = look.seen.guest === 'ours' ? (parseMark(look.seen.config?.values.description)?.object?.done ?? []) : []
  if (!done.includes(requestID)) return false
  draft.change((now) => ({
    ...now,
    reinstall: { ...now.reinstall, completedIDs: unionOfDone(doneByKind(done).reinstalls, now.reinstall?.completedIDs ?? []) },
  }))
  return true
}
