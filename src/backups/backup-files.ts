/** The file of one backup in PVE: found by our mark in its notes, or by the log of the task that made it. */
import { formatSize } from '../api/size.ts'
import type { ProxmoxVMBackupStatus } from '../api/proxmoxvmbackup.ts'
import { timeInSeconds } from '../api/time.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { hasLeft } from '../cluster/has-left.ts'
import { parseBackupMark } from '../ladder/backup-mark.ts'
import { judge } from '../proxmox/failures.ts'
import type { Backup } from '../proxmox/answers.ts'

type Where = Pick<ProxmoxVMBackupStatus, 'node' | 'storage' | 'vmid'>

const bytesPerMiB = 1024 * 1024
/** A job of one guest says the name of its file within its first lines. */
const firstLines = 60

/** A shared storage also by another node than the one that made the file. */
export function reachedFrom(cluster: PveCluster, storage: string, node: string): string {
  const { nodes, isShared } = nodesWith(cluster, storage)
  return !isShared || nodes.includes(node) ? node : (nodes[0] ?? node)
}

function nodesWith({ inventory }: PveCluster, storage: string): { readonly nodes: string[]; readonly isShared: boolean } {
  const listing = inventory.current()
  const rows = (listing?.storages ?? []).filter((row) => row.storage === storage && row.available)
  const nodes = rows.map(({ node }) => node).filter((node) => listing?.nodes.get(node)?.online !== false)
  return { nodes, isShared: rows.some(({ shared }) => shared) }
}

/** Files of the VM, also when the node that made them is silent and the storage is shared, or has left the PVE cluster. */
async function filesOf(cluster: PveCluster, { node = '', storage = '', vmid = 0 }: Where): Promise<Backup[]> {
  const from = reachedFrom(cluster, storage, node)
  if (hasLeft(cluster, from)) return []
  try {
    return await cluster.pve.backups(from, storage, vmid)
  } catch (fault) {
    const { nodes, isShared } = nodesWith(cluster, storage)
    const other = nodes.find((each) => each !== from)
    if (judge(fault).reason !== 'NodeOffline' || !isShared || other === undefined) throw fault
    return await cluster.pve.backups(other, storage, vmid)
  }
}

/** The oldest with our mark: a second one would be of a request that was repeated. */
export async function fileByMark(cluster: PveCluster, where: Where, uid: string): Promise<Backup | undefined> {
  const files = await filesOf(cluster, where)
  return files.filter(({ notes }) => parseBackupMark(notes)?.uid === uid).toSorted((a, b) => a.ctime - b.ctime)[0]
}

/** Whether this task of vzdump is the one of that backup. Undefined: its log does not say yet. */
export async function isTaskOf(cluster: PveCluster, upid: string, uid: string): Promise<boolean | undefined> {
  const lines = await cluster.pve.taskLog(upid, firstLines)
  const command = lines.find((line) => line.includes('starting new backup job: vzdump'))
  return command === undefined ? undefined : command.includes(`pve.hosting/backup uid=${uid} `)
}

/** By the name of the archive in the log of its task: notes may not have been written (a backup server takes them afterwards). */
export async function fileByTask(cluster: PveCluster, where: Where, upid: string): Promise<Backup | undefined> {
  const lines = await cluster.pve.taskLog(upid, firstLines)
  const [, named] =
    lines.map((line) => /creating (?:vzdump|Proxmox Backup Server) archive '([^']+)'/.exec(line)).find((found) => found !== null) ?? []
  const name = named?.split('/dump/').at(-1)
  if (name === undefined) return undefined
  return (await filesOf(cluster, where)).find(({ volid }) => volid === `${where.storage}:backup/${name}`)
}

/** Progress has a line for every percent. */
const wholeLog = 1_000

/** A job that could not back up its guest ends with `job errors`, and only its log says why (pve-manager, VZDump.pm exec_backup_task). */
export async function whyFailed(cluster: PveCluster, upid: string, exitstatus: string): Promise<string> {
  if (exitstatus.trim() !== 'job errors') return exitstatus
  const lines = await cluster.pve.taskLog(upid, wholeLog)
  return lines.map((line) => /^ERROR: Backup of VM \d+ failed - (.+)$/.exec(line)?.[1]).findLast((why) => why !== undefined) ?? exitstatus
}

/** What the status says of its file. */
export const fileStatus = ({ volid, sizeBytes, ctime, isProtected, verified, isEncrypted }: Backup): ProxmoxVMBackupStatus => ({
  volume: volid,
  ...(sizeBytes !== undefined && { size: formatSize(Math.max(1, Math.ceil(sizeBytes / bytesPerMiB))) }),
  createdAt: timeInSeconds(ctime * 1000),
  protected: isProtected,
  ...(verified !== undefined && { verified }),
  encrypted: isEncrypted,
})
