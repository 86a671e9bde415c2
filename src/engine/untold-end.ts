/** A task's end that PVE cannot report is no end: the task may run, so it is asked for again, and nothing is concluded or begun meanwhile. */
import type { PveCluster } from '../cluster/cluster.ts'
import { type Obstacle, waitForTask } from '../ladder/outcome.ts'
import { isNodeSilent, isTaskOver } from '../proxmox/task-end.ts'
import { nodeOfUpid, startOfUpid, vmidOfUpid } from '../proxmox/upid.ts'
import type { Dependencies } from './dependencies.ts'
import { pveNowMs } from './pve-time.ts'

/** A power command, a move, a restore and a rollback either hold PVE's lock on the guest or are over by then. */
export const unlockedMs = 600_000

/**
 * What to wait for. Undefined: the task runs, PVE has told its end, or PVE cannot tell it any more, because the node of the task has left the
 * PVE cluster or PVE has the guest on another node now; then the guest shows what was done. `of`: whose end it is, as in "the end of …".
 * `isShown`: the guest shows it anyway, so nothing is held up by a PVE that answers but refuses to tell it, or that has no such guest any more.
 */
export function untoldEnd(cluster: PveCluster, upid: string, o: { readonly of: string; readonly isShown: boolean }): Obstacle | undefined {
  const end = cluster.tasks.ended(upid)
  if (end?.is !== 'unknown' || isTaskOver(end) || isNowhere(cluster, upid, o.isShown)) return undefined
  const isSilent = isNodeSilent(end)
  if (!isSilent && o.isShown) return undefined
  const told = `PVE cannot report the end of ${o.of}: ${end.why.trim().replace(/[.]$/, '')}. It may still be under way, so the operator waits and asks PVE again every 15 s.`
  return { ...waitForTask(upid, told), reason: isSilent ? 'Unreachable' : 'PermissionDenied' }
}

/**
 * For `isShown`, of a task that PVE refuses to tell of, as it does for ever once the operator has another token: it began longer ago than
 * `afterMs`, and the guest, which is there, has no lock.
 */
export function isLongUnlocked(
  { cluster, deps }: { cluster: PveCluster; deps: Pick<Dependencies, 'clock'> },
  upid: string,
  afterMs = unlockedMs,
): boolean {
  const guest = cluster.inventory.current()?.guests.get(vmidOfUpid(upid))
  return guest !== undefined && guest.lock === undefined && pveNowMs(cluster, deps) - startOfUpid(upid) * 1000 > afterMs
}

/** Nothing of it runs any more: a guest has one node, and only a node of the PVE cluster can change it. */
function isNowhere({ inventory }: PveCluster, upid: string, isShown: boolean): boolean {
  const listing = inventory.current()
  if (!listing) return false
  const node = nodeOfUpid(upid)
  const vmid = vmidOfUpid(upid)
  const guest = listing.guests.get(vmid)
  return !listing.nodes.has(node) || (guest === undefined ? isShown && vmid > 0 : guest.node !== node)
}
