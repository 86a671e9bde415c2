/** The snapshots PVE lists of a VM, and what of that is shown. */
import type { PveCluster } from '../cluster/cluster.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import type { Pass } from '../engine/pass.ts'
import type { ListedSnapshot } from '../proxmox/vm-snapshots.ts'
import { snapshotName } from './life.ts'
import { passOf } from './snapshot-pass.ts'

/** PVE's seconds as a time of a status. */
export const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')

/** As many as a status holds. */
const most = 64

/** Lists, and notes in the status of the VM what is there, ours and others'. */
export async function listSnapshots(pass: Pass, cluster: PveCluster): Promise<ListedSnapshot[]> {
  const { status } = pass.draft
  const listed = await cluster.pve.snapshots({ node: status.node ?? '', vmid: status.vmid ?? 0 }).list()
  const objects = new Map(pass.deps.snapshotsOf(pass.key).map((snapshot) => [snapshotName(snapshot), snapshot.metadata.name]))
  pass.draft.change(({ snapshots: _, ...status }) => ({
    ...status,
    ...(listed.length > 0 && { snapshots: listed.slice(-most).map((one) => shown(one, objects.get(one.name))) }),
  }))
  return listed
}

function shown({ name, takenAt, withMemory, state }: ListedSnapshot, object: string | undefined) {
  return {
    name,
    createdAt: isoOf(takenAt),
    ...(withMemory && { withMemory }),
    ...(object !== undefined && { object }),
    ...(state !== undefined && { state }),
  }
}

/** Looks whether those that were taken are still there: a reinstall takes them along, and so may a person in PVE. */
export async function auditSnapshots(pass: Pass, cluster: PveCluster): Promise<void> {
  const taken = pass.deps.snapshotsOf(pass.key).filter(({ status }) => status?.createdAt !== undefined)
  if (taken.length === 0 && !pass.memory.snapshots.isParentSeen && pass.draft.status.snapshots === undefined) return
  const names = new Set((await listSnapshots(pass, cluster)).map(({ name }) => name))
  for (const snapshot of taken)
    if (!names.has(snapshotName(snapshot)) && !snapshot.metadata.deletionTimestamp) await sayGone(pass, cluster, snapshot)
}

async function sayGone(pass: Pass, cluster: PveCluster, object: ProxmoxVMSnapshot): Promise<void> {
  const { snapshot } = passOf(pass, cluster, object)
  const why = 'the VM was created again, or somebody deleted the snapshot there'
  snapshot.say(
    'stalled',
    'SnapshotGone',
    `PVE has no snapshot ${snapshotName(object)} of VM ${pass.draft.status.vmid} any more: ${why}. Delete this object.`,
  )
  await snapshot.save()
}
