/** What the work on one snapshot is done with. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import type { EventReason } from '../api/events.ts'
import { recordEvent } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import type { Obstacle } from '../ladder/outcome.ts'
import { SnapshotDraft } from './snapshot-draft.ts'

/** One pass over one VM, with the snapshot that has its turn. */
export interface SnapshotPass extends Pass {
  readonly cluster: PveCluster
  readonly snapshot: SnapshotDraft
}

export const passOf = (pass: Pass, cluster: PveCluster, snapshot: ProxmoxVMSnapshot): SnapshotPass => ({
  ...pass,
  cluster,
  snapshot: new SnapshotDraft({ snapshot, deps: pass.deps }),
})

/** The VM is as it was: what a snapshot waits for is shown at the snapshot. */
export const quietly = (obstacle: Obstacle): Obstacle => (obstacle.is === 'wait' ? { ...obstacle, isQuiet: true } : obstacle)

/** At the VM and at the snapshot: people look at either. */
export function tell({ deps, draft, snapshot }: SnapshotPass, type: 'Normal' | 'Warning', reason: EventReason, message: string): void {
  deps.events.record(snapshot.snapshot, type, reason, message)
  recordEvent(deps, draft.vm, type, reason, `${snapshot.snapshot.metadata.name}: ${message}`)
}
