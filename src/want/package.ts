import type { Package } from '../api/package.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { VMPackage } from '../api/vmpackage.ts'
import { mergePackages, objectionTo } from './package-merge.ts'
import { stalled, type Obstacle } from '../ladder/outcome.ts'

export type Source = NonNullable<ProxmoxVMStatus['packageSource']>

export interface Resolved {
  readonly merged: Package
  /** The VMPackage in force for this VM: the recorded one until the reference changes. */
  readonly source?: Source
  /** A newer generation that is not in force. */
  readonly outdatedBy?: number
}

/** The package in force. Inline fields merge over the recorded VMPackage; a newer one is taken only when the reference changes. */
export function resolvePackage(
  vm: ProxmoxVM,
  status: ProxmoxVMStatus,
  found: VMPackage | undefined,
  isAllowed: boolean,
): Resolved | Obstacle {
  const name = vm.spec.packageRef?.name
  const inline = vm.spec.package ?? {}
  if (name === undefined) return checked(inline, undefined, undefined)
  const recorded = status.packageSource?.name === name ? status.packageSource : undefined
  if (!recorded && !found) return stalled('PackageNotFound', `There is no VMPackage "${name}"; create it or change spec.packageRef.`)
  if (!recorded && !isAllowed)
    return stalled(
      'PackageNotAllowed',
      `VMPackage "${name}" does not serve namespace ${vm.metadata.namespace} (spec.allowedNamespaces); an admin can add it.`,
    )
  // A later version writes no second copy of a package without inline fields (docs/versions.md); this one reads it already.
  const source = recorded
    ? { ...recorded, spec: recorded.spec ?? status.package ?? {} }
    : { name, generation: found?.metadata.generation ?? 0, spec: found?.spec ?? {} }
  const newer =
    found?.metadata.generation !== undefined && found.metadata.generation !== source.generation ? found.metadata.generation : undefined
  return checked(mergePackages(packageOf(source.spec), inline), source, newer)
}

/** VMPackage.spec holds more than the package (allowedNamespaces). */
function packageOf(spec: object): Package {
  const { allowedNamespaces: _, ...fields } = spec as Package & { allowedNamespaces?: unknown }
  return fields
}

function checked(merged: Package, source: Source | undefined, outdatedBy: number | undefined): Resolved | Obstacle {
  const objection = objectionTo(merged)
  if (objection) return stalled('PackageInvalid', `The merged package is not valid: ${objection}.`)
  return {
    merged,
    ...(source && { source: { ...source, spec: packageOf(source.spec ?? {}) } }),
    ...(outdatedBy !== undefined && { outdatedBy }),
  }
}

export interface Wire {
  readonly bridge: string
  readonly vlan?: number
}

/** Bridge and VLAN: package, else the first address's pool, else the template's. Pools that disagree need the package's word. */
export function resolveWire(
  merged: Package,
  grants: readonly { readonly pool: string; readonly bridge?: string; readonly vlan?: number }[],
  template: { readonly bridge?: string; readonly vlan?: number } | undefined,
): Wire | Obstacle {
  const { bridge, vlan } = merged.network ?? {}
  const [first, ...others] = grants.filter((grant) => grant.bridge !== undefined || grant.vlan !== undefined)
  const other = others.find(
    (grant) => (bridge === undefined && grant.bridge !== first?.bridge) || (vlan === undefined && (grant.vlan ?? 0) !== (first?.vlan ?? 0)),
  )
  if (first && other) {
    return stalled(
      'PoolsDisagree',
      `Pool ${first.pool} is on ${named(first)}, pool ${other.pool} on ${named(other)}; write network.bridge and network.vlan into the package.`,
    )
  }
  if (bridge === undefined && grants.length === 0)
    return stalled('BridgeRequired', 'The VM has no address from a pool, so the package must name the bridge: write network.bridge.')
  const chosen = bridge ?? first?.bridge ?? template?.bridge
  if (chosen === undefined)
    return stalled('BridgeRequired', 'No bridge is named by the package, the pool or the template; write network.bridge into the package.')
  const tag = vlan ?? (first ? first.vlan : bridge === undefined ? template?.vlan : undefined)
  return { bridge: chosen, ...(tag && { vlan: tag }) }
}

const named = (wire: { bridge?: string; vlan?: number }) =>
  `${wire.bridge ?? "the template's bridge"}${wire.vlan ? ` VLAN ${wire.vlan}` : ''}`
