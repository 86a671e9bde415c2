/** Snapshot objects whose VM is gone, or has let go of its guest: they hold nothing any more. */
import { proxmoxVMs } from '../api/meta.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import { readNow } from '../kube/look-up.ts'
import { isOf } from './life.ts'
import { SnapshotDraft } from './snapshot-draft.ts'

/** There is no VM of that key. What was taken of it went with it, or stays in PVE with a guest that nobody here owns. */
export async function releaseSnapshots(deps: Dependencies, key: string): Promise<void> {
  for (const object of deps.snapshotsOf(key)) {
    const snapshot = new SnapshotDraft({ snapshot: object, deps })
    if (snapshot.isDeleted || object.status?.vmUID !== undefined) await letGo(deps, snapshot)
    else await sayStalled(snapshot, 'VMNotFound', `There is no ProxmoxVM "${object.spec.vmRef.name}" in this namespace.`)
  }
}

/** Those of a former VM of that name. Asks the API server which VM has the name now: the one that the store has may itself be the former one. */
export async function releaseFormer(deps: Dependencies, key: string, vmUID: string): Promise<void> {
  const others = deps.snapshotsOf(key).filter((object) => !isOf(object, vmUID))
  if (others.length === 0) return
  const now = await readNow({ client: deps.client, store: deps.vms, resource: proxmoxVMs }, key)
  for (const object of others)
    if (object.status?.vmUID !== now?.metadata.uid) await letGo(deps, new SnapshotDraft({ snapshot: object, deps }))
}

/** The VM has let go of its guest for good (annotation pve.hosting/release): its snapshots stay in it, and their objects may go. */
export async function releaseLetGo(deps: Dependencies, key: string): Promise<void> {
  for (const object of deps.snapshotsOf(key)) {
    const snapshot = new SnapshotDraft({ snapshot: object, deps })
    if (snapshot.isDeleted) await snapshot.dropFinalizer()
    else await sayStalled(snapshot, 'Released', 'The ProxmoxVM was released from its guest; the snapshot stays in PVE. Delete this object.')
  }
}

async function letGo(deps: Dependencies, snapshot: SnapshotDraft): Promise<void> {
  deps.mayAct()
  await snapshot.dropFinalizer()
  if (!snapshot.isDeleted) await snapshot.deleteObject()
}

async function sayStalled(snapshot: SnapshotDraft, reason: 'VMNotFound' | 'Released', why: string): Promise<void> {
  snapshot.say('stalled', reason, why)
  await snapshot.save()
}
