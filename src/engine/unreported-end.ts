/** A task whose end PVE cannot report may still run: PVE is asked again, and nothing is concluded or begun meanwhile. */
import type { PveCluster } from '../cluster/cluster.ts'
import { hasLeft } from '../cluster/has-left.ts'
import { type Obstacle, waitForTask } from '../ladder/outcome.ts'
import { isNodeSilent, isTaskOver } from '../proxmox/task-end.ts'
import { nodeOfUpid, startOfUpid, vmidOfUpid } from '../proxmox/upid.ts'
import type { Dependencies } from './dependencies.ts'
import { pveNowMs } from './pve-time.ts'

/** After this long the task of a power command, a move, a restore or a rollback is over, or PVE has its lock on the guest. */
export const unlockedMs = 600_000

/**
 * What to wait for. Undefined: the task runs, or PVE has reported its end, or PVE will never report it because the node of the task has left the
 * PVE cluster or PVE has the guest on another node now; then the guest shows what was done. `of`: whose result it is, as in "the result of …".
 * `isShown`: the guest shows the effect of the task, so the caller also goes on when PVE answers and refuses to report the end, or has no such
 * guest any more.
 */
export function unreportedEnd(
  cluster: PveCluster,
  upid: string,
  o: { readonly of: string; readonly isShown: boolean },
): Obstacle | undefined {
  const end = cluster.tasks.ended(upid)
  if (end?.is !== 'unknown' || isTaskOver(end) || isNowhere(cluster, upid, o.isShown)) return undefined
  const isSilent = isNodeSilent(end)
  if (!isSilent && o.isShown) return undefined
  const remedy = isSilent ? '' : ` An admin can grant the token Sys.Audit on /nodes/${nodeOfUpid(upid)}.`
  const told = `PVE cannot report the result of ${o.of}: ${end.why.trim().replace(/[.]$/, '')}. It may still be under way, so the operator waits and asks PVE again every 15 s.${remedy}`
  return { ...waitForTask(upid, told), reason: isSilent ? 'Unreachable' : 'PermissionDenied' }
}

/**
 * For `isShown`, where PVE refuses to report the end, as it always does once the operator has another token: the task began longer ago than
 * `afterMs`, and the guest is there and has no lock.
 */
export function isLongUnlocked(
  { cluster, deps }: { readonly cluster: PveCluster; readonly deps: Pick<Dependencies, 'clock'> },
  upid: string,
  afterMs = unlockedMs,
): boolean {
  const guest = cluster.inventory.current()?.guests.get(vmidOfUpid(upid))
  return guest !== undefined && guest.lock === undefined && pveNowMs(cluster, deps) - startOfUpid(upid) * 1000 > afterMs
}

/** Whether no worker can run it any more: a guest has one node, and only a node of the PVE cluster can change it. */
function isNowhere(cluster: PveCluster, upid: string, isShown: boolean): boolean {
  const listing = cluster.inventory.current()
  if (!listing) return false
  const node = nodeOfUpid(upid)
  const vmid = vmidOfUpid(upid)
  const guest = listing.guests.get(vmid)
  return hasLeft(cluster, node) || (guest === undefined ? isShown && vmid > 0 : guest.node !== node)
}
