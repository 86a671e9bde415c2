/** The task of a request whose answer was lost, among those that PVE lists of the guest. */
import type { PveCluster } from '../cluster/cluster.ts'

/**
 * Undefined: PVE lists none. A token sees its own tasks; the VMID is the task's id. One that was followed to its end has its receipt: it is
 * another one, of moments before. `askedAt`: RFC 3339, when the request was about to leave, by PVE's clock.
 */
export async function findLostTask(
  cluster: PveCluster,
  o: { node: string; vmid: number; type: string; askedAt: string; known: ReadonlySet<string | undefined> },
): Promise<string | undefined> {
  // PVE tells starts in whole seconds, so the task of a request just before this one is in the window.
  const since = Math.floor(Date.parse(o.askedAt) / 1000) - 2
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(o.node, { source, typefilter: o.type, vmid: o.vmid, since, limit: 20 })
    const task = tasks.find(({ upid }) => !o.known.has(upid) && cluster.tasks.ended(upid) === undefined)
    if (task) return task.upid
  }
  return undefined
}
