/** Reads the configuration in a backup: what PVE cannot read is no ground for a restore. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import { judge } from '../../proxmox/failures.ts'
import { type BackupConfig, parseBackupConfig } from './backup-config.ts'

export async function readBackup(cluster: PveCluster, node: string, volume: string): Promise<BackupConfig | Obstacle> {
  try {
    return parseBackupConfig(await cluster.pve.backupConfig(node, volume))
  } catch (fault) {
    const failure = judge(fault)
    if (failure.kind === 'unreachable' || failure.kind === 'unknown-outcome' || failure.kind === 'denied') throw fault
    return stalled('BackupUnreadable', `PVE cannot read the configuration in ${volume}: ${failure.message.trim()}`)
  }
}
