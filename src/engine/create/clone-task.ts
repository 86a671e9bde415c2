import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Memory } from '../memory.ts'
import type { Dependencies } from '../dependencies.ts'

/** A clone that was asked for may appear this late: the request is checked and forked, and only the worker creates the file (qemu-server clone_vm). */
export const silentWindowMs = 60_000

/** Since the last request that may still begin. One that a former process sent is counted from the intent. */
export const cloneAgeMs = (deps: Pick<Dependencies, 'clock'>, status: ProxmoxVMStatus, memory: Memory): number =>
  deps.clock.now() - Math.max(Date.parse(status.intentAt ?? ''), memory.clone.askedMs ?? 0)

/** Clones of one template that ran since an intent; a fleet of a thousand is cloned from one template within minutes. */
const mostTasks = 500

/** The clone of this VM whose receipt was lost: a task lists the template's VMID. The task list starts at the intent, by PVE's clock. */
export async function findCloneTask(cluster: PveCluster, status: ProxmoxVMStatus): Promise<{ upid: string; running: boolean } | undefined> {
  const { template, vmid, intentAt } = status
  if (!template) return undefined
  const since = Math.floor((Date.parse(intentAt ?? '') + cluster.clockSkewMs) / 1000) - 5
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(template.node, { source, typefilter: 'qmclone', vmid: template.vmid, since, limit: mostTasks })
    for (const task of tasks) {
      if ((await cluster.cloneTargets.of(task.upid)) === vmid) return { upid: task.upid, running: task.status === 'RUNNING' }
    }
  }
  return undefined
}
