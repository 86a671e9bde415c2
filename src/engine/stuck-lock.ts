/** A lock on the VM: somebody's work that passes, or what was left of it, which only an admin can take off. */
import { judge } from '../proxmox/failures.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Pass } from './pass.ts'
import { type Outcome, stalled, wait } from '../ladder/outcome.ts'

/** A lock may outlive its task, and a task its lock, by moments: it is left behind only if it is idle for this long. */
const idleMs = 10_000
const mostTasks = 500

/** Never says that the VM may be destroyed: who finds its disks half made cannot know whether they are the customer's. */
export async function lockOutcome(pass: Pass, cluster: PveCluster, at: { node: string; vmid: number }, lock: string): Promise<Outcome> {
  const { draft, memory, deps } = pass
  draft.change((status) => ({ ...status, remoteLock: lock }))
  const held = `PVE holds the lock "${lock}" on VM ${at.vmid}`
  const waiting = `${held}; nothing is done to it until the lock goes`
  const task = await taskBehind(cluster, at)
  if (task === undefined || task.is === 'there') {
    delete memory.lock.idle
    return wait('Locked', task ? `${waiting}. ${task.what} is running.` : `${waiting}.`, 30_000)
  }
  const idle = memory.lock.idle?.name === lock ? memory.lock.idle : { name: lock, sinceMs: deps.clock.now() }
  memory.lock.idle = idle
  const leftMs = idle.sinceMs + idleMs - deps.clock.now()
  if (leftMs > 0) return wait('Locked', `${waiting}.`, leftMs)
  const remedy = `An admin must run on that node: qm unlock ${at.vmid}`
  return stalled('StuckLock', `${held} on ${at.node}, and no task there is working on it any more. ${remedy}. It goes on by itself then.`)
}

type Behind = { readonly is: 'there'; readonly what: string } | { readonly is: 'none' }

/** Undefined: it cannot be told. A backup of many VMs names none of them, so any backup on the node may be it. */
async function taskBehind(cluster: PveCluster, { node, vmid }: { node: string; vmid: number }): Promise<Behind | undefined> {
  const missing = cluster.facts()?.missingPrivileges ?? []
  if (missing.some(({ path, privilege }) => path === '/nodes' && privilege === 'Sys.Audit')) return undefined
  try {
    const tasks = await cluster.pve.tasks(node, { source: 'active', limit: mostTasks })
    const task = tasks.find(({ id, type, status }) => status === 'RUNNING' && (id === `${vmid}` || type === 'vzdump'))
    return task ? { is: 'there', what: `Task ${task.type} (${task.upid})` } : { is: 'none' }
  } catch (fault) {
    if (judge(fault).kind === 'other') throw fault
    return undefined
  }
}
