import { teardownFinalizer } from '../../api/group.ts'
import { proxmoxVMs } from '../../api/meta.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { isNotFound } from '../../kube/kube-error.ts'
import type { Room } from '../dependencies.ts'
import type { VMRecord } from '../status-draft.ts'

export const hasFinalizer = (vm: ProxmoxVM) => vm.metadata.finalizers?.includes(teardownFinalizer) ?? false

/** On the object before the first side effect, so that no deletion can overtake what it would have to undo. */
export async function ensureFinalizer(room: Room, record: VMRecord): Promise<void> {
  if (hasFinalizer(record.vm)) return
  await patchFinalizers(room, record, [...(record.vm.metadata.finalizers ?? []), teardownFinalizer])
}

/** The object goes with this. One that has gone already was let go by a pass whose effect had not been seen here yet. */
export async function dropFinalizer(room: Room, record: VMRecord): Promise<void> {
  const others = (record.vm.metadata.finalizers ?? []).filter((finalizer) => finalizer !== teardownFinalizer)
  try {
    await patchFinalizers(room, record, others)
  } catch (fault) {
    if (!isNotFound(fault)) throw fault
  }
}

/** With the resourceVersion it was read at: a merge patch replaces the list as a whole, and others keep finalizers too. */
async function patchFinalizers(room: Room, record: VMRecord, finalizers: string[]): Promise<void> {
  const { namespace, name, resourceVersion } = record.vm.metadata
  const patched = await room.client.mergePatch(
    proxmoxVMs,
    { ...(namespace && { namespace }), name },
    { metadata: { finalizers, resourceVersion } },
  )
  record.adopt(patched)
}
