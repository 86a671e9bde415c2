/** What the operator keeps of a ProxmoxVM while it is not working on it. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { SharedValues, withoutManifest } from '../../kube/trim.ts'

/**
 * Trims each VM for one store: without managedFields and kubectl's copy of the manifest, and with one copy of each package, inline,
 * merged or in force, for all VMs that have the same.
 */
export function leanVMs(): (vm: ProxmoxVM) => ProxmoxVM {
  const shared = new SharedValues()
  return (vm) => {
    const lean = withoutManifest(vm)
    const { spec, status } = lean
    return {
      ...lean,
      spec: spec.package === undefined ? spec : { ...spec, package: shared.share(spec.package) },
      ...(status && { status: sharing(status, shared) }),
    }
  }
}

function sharing(status: NonNullable<ProxmoxVM['status']>, shared: SharedValues): NonNullable<ProxmoxVM['status']> {
  const { package: merged, packageSource } = status
  return {
    ...status,
    ...(merged !== undefined && { package: shared.share(merged) }),
    ...(packageSource && { packageSource: shared.share(packageSource) }),
  }
}
