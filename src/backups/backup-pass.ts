/** One pass over one ProxmoxVMBackup: what it works with. It is part of the pass over its VM, so that nothing else works on the VM meanwhile. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import type { Unshown } from '../engine/memory.ts'
import type { Pass } from '../engine/pass.ts'
import type { BackupCensus } from './backup-census.ts'
import type { BackupSlots } from './backup-slots.ts'
import type { BackupStatusDraft } from './backup-status-draft.ts'

/** What one process remembers of a backup. Losing it costs requests or time, never correctness. */
export interface BackupMemory {
  /** When the request that is on record left this process, or was first seen by it (monotonic ms). */
  requestedMs?: number
  /** Not looked at before, unless its object changes. */
  notBeforeMs?: number
  /** The task that deletes its file, until its end was read. */
  deleting?: string
  /** PVE accepted the deletion of its file. */
  deletion?: Unshown
  /** Failures in a row. */
  attempts: number
  /** What the object was like at the last pass. */
  seen?: string
}

export interface BackupPass {
  readonly deps: Dependencies
  /** Key of the VM. */
  readonly key: string
  /** The pass over the VM; undefined: there is no such VM (any more), or it is being deleted. */
  readonly of?: Pass
  readonly backup: BackupStatusDraft
  readonly memory: BackupMemory
  readonly slots: BackupSlots
  readonly census: BackupCensus
}

/** The cluster its file is in, or is going to be. */
export const clusterOfBackup = ({ deps, of, backup }: BackupPass): PveCluster | undefined =>
  deps.clusters.get(backup.status.cluster ?? of?.draft.vm.spec.clusterRef.name ?? '')
