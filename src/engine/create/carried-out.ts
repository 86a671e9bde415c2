/** Requests that were carried out although the status does not know: it came back from an older time. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { markOf, parseMark, unionOfDone } from '../../ladder/mark.ts'
import { doneByKind, restoreMark } from '../../want/object-line.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { withRestoreDone } from '../restore/restore-state.ts'

/** `is`: what the description of a VM says of a request; `requestID` as the spec has it. */
interface Request {
  readonly is: 'reinstall' | 'restore'
  readonly requestID: string
}

const inMark = ({ is, requestID }: Request): string => (is === 'restore' ? restoreMark(requestID) : requestID)

/** Asks the VM's own description before anything is destroyed for a request; what it knows is in the status afterwards. */
export async function wasCarriedOut(
  { draft, memory }: Pick<Pass, 'draft' | 'memory'>,
  cluster: PveCluster,
  request: Request,
): Promise<boolean> {
  const { vm, status } = draft
  const vmid = status.vmid ?? 0
  const look = new Look({ cluster, vmid, mark: markOf(vm.metadata.uid ?? '', vmid), proofSinceMs: 0 })
  await look.need('presence')
  const { guest, config } = look.seen
  const done = guest === 'ours' ? (parseMark(config?.values.description)?.object?.done ?? []) : []
  if (guest === 'ours' || guest === 'absent') memory.notCarriedOut = inMark(request)
  if (!done.includes(inMark(request))) return false
  draft.change(
    request.is === 'restore'
      ? withRestoreDone([request.requestID])
      : (now) => ({
          ...now,
          reinstall: { ...now.reinstall, completedIDs: unionOfDone(doneByKind(done).reinstalls, now.reinstall?.completedIDs ?? []) },
        }),
  )
  return true
}

/** The same of a request that the status calls under way: its end is later than the status. A process asks once, and not for one that it has begun. */
export const isCarriedOutAlready = async (pass: Pick<Pass, 'draft' | 'memory'>, cluster: PveCluster, request: Request): Promise<boolean> =>
  pass.memory.notCarriedOut !== inMark(request) && (await wasCarriedOut(pass, cluster, request))
