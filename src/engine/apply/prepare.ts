import { type Resolved, resolvePackage } from '../../want/package.ts'
import type { GrantedAddress } from '../../want/granted-address.ts'
import type { Credentials } from '../../want/cloud-init.ts'
import type { Pass } from '../pass.ts'
import { type Obstacle, isOutcome } from '../../ladder/outcome.ts'
import { ensureFinalizer } from '../create/finalizer.ts'
import { claimAddresses } from '../create/addresses.ts'
import { credentialsFor } from '../create/credentials.ts'
import { staysAsFound } from '../adopt/as-found-state.ts'
import type { Dependencies } from '../dependencies.ts'
import { VMStatusDraft } from '../status-draft.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { VMPackage } from '../../api/vmpackage.ts'
import { mayUse } from '../references.ts'

/** What the wish is made from, beside PVE. */
export interface Prepared {
  readonly resolved: Resolved
  readonly grants: readonly GrantedAddress[]
  readonly credentials?: Credentials
}

/** The package in force, addresses, credentials. The finalizer comes before the first of them that leaves a trace. */
export async function prepare({ deps, draft }: Pass): Promise<Prepared | Obstacle> {
  const resolved = packageInForce(deps, draft)
  if (isOutcome(resolved)) return resolved
  await ensureFinalizer(deps, draft)
  const grants = await claimAddresses(deps, draft)
  if (isOutcome(grants)) return grants
  const credentials = await credentialsFor(draft.vm, deps.client, { mayMake: !staysAsFound(draft.status, 'cipassword') })
  if (credentials && isOutcome(credentials)) return credentials
  return { resolved, grants, ...(credentials && { credentials }) }
}

function packageInForce(deps: Dependencies, draft: VMStatusDraft): Resolved | Obstacle {
  return resolvePackage(draft.vm, draft.status, packageOf(deps, draft.vm), mayUsePackage(deps, draft.vm))
}

/** The VMPackage the VM refers to, if it exists. */
export function packageOf(deps: Dependencies, vm: ProxmoxVM): VMPackage | undefined {
  const name = vm.spec.packageRef?.name
  return name === undefined ? undefined : deps.packages.get(name)
}

export function mayUsePackage(deps: Dependencies, vm: ProxmoxVM): boolean {
  const found = packageOf(deps, vm)
  return found === undefined || mayUse(deps, vm, found.spec.allowedNamespaces)
}
