import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { PveCluster } from '../proxmox/cluster.ts'

/** Clones of one template that ran since an intent; a fleet of a thousand is cloned from one template within minutes. */
const mostTasks = 500
const headLines = 5

/**
 * The clone of this VM whose receipt was lost: a task lists the template's VMID, and only its log names the new one
 * (`creating a clone of VM 900 with ID 200`, qemu-server clone_vm). The task list starts at the intent, by PVE's clock.
 */
export async function findCloneTask(cluster: PveCluster, status: ProxmoxVMStatus): Promise<{ upid: string; running: boolean } | undefined> {
  const { template, vmid, intentAt } = status
  if (!template) return undefined
  const since = Math.floor((Date.parse(intentAt ?? '') + cluster.clockSkewMs) / 1000) - 5
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(template.node, { source, typefilter: 'qmclone', vmid: template.vmid, since, limit: mostTasks })
    for (const task of tasks) {
      const log = await cluster.pve.taskLog(task.upid, headLines)
      if (log.some((line) => line.endsWith(` with ID ${vmid}`))) return { upid: task.upid, running: task.status === 'RUNNING' }
    }
  }
  return undefined
}
