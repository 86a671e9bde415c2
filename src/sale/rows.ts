/** VMPackage.status.sellable of one package: a row for each ProxmoxCluster (pure). */
import type { AllowedNamespaces } from '../api/fields.ts'
import type { Namespace } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Sellable, VMPackage } from '../api/vmpackage.ts'
import { namespaceAllowed } from '../ipam/allowed-namespaces.ts'
import type { Listing } from '../proxmox/listing.ts'
import type { ClusterLeft } from './cluster-room.ts'
import { countSellable, type SellableCount } from './count.ts'
import { vmNeedOf } from './vm-need.ts'

const mostRows = 64

/** A ProxmoxCluster and what is left of it; without `seen` PVE does not answer. */
export interface ClusterOnSale {
  readonly object: ProxmoxCluster
  readonly seen?: { readonly left: ClusterLeft; readonly listing: Listing; readonly vms: readonly ProxmoxVM[] }
}

/** What cannot be counted now keeps its former row. By name of the cluster. */
export function sellableRows(
  { metadata, spec, status }: VMPackage,
  clusters: readonly ClusterOnSale[],
  namespaces: readonly Namespace[],
): Sellable[] {
  const rows = clusters.flatMap(({ object, seen }): Sellable[] => {
    const cluster = object.metadata.name
    const barred = barredBy(object, spec.allowedNamespaces, namespaces)
    if (barred) return [{ cluster, count: 0, limitedBy: barred }]
    if (!seen) return status?.sellable?.filter((row) => row.cluster === cluster) ?? []
    const { left, listing, vms } = seen
    const counted: SellableCount = countSellable(vmNeedOf({ name: metadata.name, spec, vms, listing }), left)
    return [{ cluster, ...counted }]
  })
  return rows.toSorted((a, b) => a.cluster.localeCompare(b.cluster)).slice(0, mostRows)
}

/** What the API server knows: whether anybody may order there. */
function barredBy(
  { metadata, spec }: ProxmoxCluster,
  ofPackage: AllowedNamespaces | undefined,
  namespaces: readonly Namespace[],
): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'deletion of the ProxmoxCluster'
  if (spec.mode === 'Observe') return 'mode Observe of the ProxmoxCluster'
  const mayBoth = namespaces.some(({ metadata: { labels = {} } }) =>
    [ofPackage, spec.allowedNamespaces].every((allowed) => namespaceAllowed(allowed, labels)),
  )
  return mayBoth ? undefined : 'allowedNamespaces: no namespace may use both the VMPackage and the ProxmoxCluster'
}
