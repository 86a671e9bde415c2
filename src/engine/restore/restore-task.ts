/** The task of a restore whose answer was lost. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { hasLeft } from '../../cluster/has-left.ts'
import type { TaskRow } from '../../proxmox/answers.ts'
import { isOfPerson } from '../../proxmox/upid.ts'

/** PVE tells starts in whole seconds, and a task begins before its request is answered. */
const slackSeconds = 5

/** Undefined: PVE lists none. `askedAt`: RFC 3339, by PVE's clock. */
export async function findRestoreTask(
  cluster: PveCluster,
  o: { node: string; vmid: number; askedAt: string },
): Promise<TaskRow | undefined> {
  if (hasLeft(cluster, o.node)) return undefined
  const since = Math.floor(Date.parse(o.askedAt) / 1000) - slackSeconds
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(o.node, { source, typefilter: 'qmrestore', vmid: o.vmid, since, limit: 20 })
    const task = tasks.find(({ upid }) => !isOfPerson(upid))
    if (task) return task
  }
  return undefined
}
