/** The task of a request whose answer was lost, among those that PVE lists of the guest. */
import type { PveCluster } from '../cluster/cluster.ts'
import { isOfPerson } from '../proxmox/upid.ts'
import type { Dependencies } from './dependencies.ts'
import { pveNowMs } from './pve-time.ts'

/**
 * Undefined: PVE lists none. A token sees its own tasks; the VMID is the task's id. One that was followed to its end has its receipt: it is
 * another one, of moments before; and what an admin began in the same second is not ours. `askedAt`: RFC 3339, when the request was about to leave, by PVE's clock.
 */
export async function findLostTask(
  cluster: PveCluster,
  o: { node: string; vmid: number; type: string; askedAt: string; known: ReadonlySet<string | undefined> },
): Promise<string | undefined> {
  // PVE tells starts in whole seconds, so the task of a request just before this one is in the window.
  const since = Math.floor(Date.parse(o.askedAt) / 1000) - 2
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(o.node, { source, typefilter: o.type, vmid: o.vmid, since, limit: 20 })
    const task = tasks.find(({ upid }) => !o.known.has(upid) && !isOfPerson(upid) && cluster.tasks.ended(upid) === undefined)
    if (task) return task.upid
  }
  return undefined
}

/** As far before a request as its search for a lost answer may reach, with room (seconds). */
const beforeSeconds = 60

/**
 * Tasks of that type of the guest in the minute before a request, to be noted with it: PVE's list of tasks and the request are dated in whole
 * seconds, by two clocks, so one of moments before may look like the lost one to the next process. The newest 8.
 */
export const tasksBefore = (cluster: PveCluster, deps: Pick<Dependencies, 'clock'>, vmid: number, type: string): string[] =>
  cluster.tasks.ofGuest(vmid, type, pveNowMs(cluster, deps) / 1000 - beforeSeconds).slice(0, 8)
