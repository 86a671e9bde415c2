import { teardownFinalizer } from '../../api/group.ts'
import { proxmoxVMs } from '../../api/meta.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { isNotFound } from '../../kube/kube-error.ts'
import type { Dependencies } from '../dependencies.ts'
import type { VMStatusDraft } from '../status-draft.ts'

export const hasFinalizer = (vm: ProxmoxVM) => vm.metadata.finalizers?.includes(teardownFinalizer) ?? false

/** On the object before the first side effect, so that no deletion can overtake what it would have to undo. */
export async function ensureFinalizer(deps: Dependencies, draft: VMStatusDraft): Promise<void> {
  if (hasFinalizer(draft.vm)) return
  await patchFinalizers(deps, draft, [...(draft.vm.metadata.finalizers ?? []), teardownFinalizer])
}

/** The object goes with this. One that has gone already was let go by a pass whose effect had not been seen here yet. */
export async function dropFinalizer(deps: Dependencies, draft: VMStatusDraft): Promise<void> {
  const others = (draft.vm.metadata.finalizers ?? []).filter((finalizer) => finalizer !== teardownFinalizer)
  try {
    await patchFinalizers(deps, draft, others)
  } catch (fault) {
    if (!isNotFound(fault)) throw fault
  }
}

/** With the resourceVersion it was read at: a merge patch replaces the list as a whole, and others keep finalizers too. */
async function patchFinalizers(deps: Dependencies, draft: VMStatusDraft, finalizers: string[]): Promise<void> {
  const { namespace, name, resourceVersion } = draft.vm.metadata
  const patched = await deps.client.mergePatch(
    proxmoxVMs,
    { ...(namespace && { namespace }), name },
    { metadata: { finalizers, resourceVersion } },
  )
  draft.adopt(patched)
}
