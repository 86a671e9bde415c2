import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { namespaceAllowed } from '../ipam/allowed-namespaces.ts'
import type { Dependencies } from './dependencies.ts'
import type { VMStatusDraft } from './status-draft.ts'
import { type Outcome, retry, stalled, type Obstacle } from '../ladder/outcome.ts'

type AllowedNamespaces = Parameters<typeof namespaceAllowed>[0]

/** The PVE cluster of the VM, if it may be used. A VM that has its place keeps it when the cluster object narrows whom it serves. */
export function clusterFor(deps: Dependencies, { vm, status }: Pick<VMStatusDraft, 'vm' | 'status'>): PveCluster | Obstacle {
  const { name } = vm.spec.clusterRef
  const object = deps.clusterObjects.get(name)
  if (!object) return stalled('ClusterNotFound', noCluster(deps, name))
  const isNew = !status.intentAt
  if (isNew && !mayUse(deps, vm, object.spec.allowedNamespaces)) {
    return stalled(
      'ClusterNotAllowed',
      `ProxmoxCluster "${name}" does not serve namespace ${vm.metadata.namespace} (spec.allowedNamespaces); an admin can add it.`,
    )
  }
  if (isNew && object.metadata.deletionTimestamp)
    return stalled('ClusterDeleting', `ProxmoxCluster "${name}" is being deleted and accepts no new VMs.`)
  const cluster = deps.clusters.get(name)
  if (!cluster) {
    const problem = deps.clusters.problem(name)
    const message = `ProxmoxCluster "${name}" is not ready${problem ? `: ${problem.message}` : ''}.`
    // This process has just begun and has not asked PVE yet: what the former one said, and the task it waited for, stay in status.
    const isQuiet = problem === undefined && status.step !== undefined
    return { is: 'wait', reason: 'ClusterNotReady', message, lookAfterMs: 30_000, ...(isQuiet && { isQuiet }) }
  }
  return cluster
}

/** spec.clusterRef is set once. */
function noCluster({ clusterObjects }: Pick<Dependencies, 'clusterObjects'>, name: string): string {
  const names = clusterObjects.list().map(({ metadata }) => metadata.name)
  const there = names.toSorted().join(', ') || 'none'
  return `There is no ProxmoxCluster "${name}" (spec.clusterRef, which cannot change); there are ${there}. Create it, or delete this object and create it with another clusterRef.`
}

/** Longer than a moment: one listing that went wrong. */
const silentMs = 15_000

/**
 * PVE gives no answer at all: nobody asks it but the listing, whose next success wakes all who wait. Each request would hold a worker for as
 * long as its deadline, and the VMs of other clusters with it.
 */
export function silenceOf({ inventory, name }: Pick<PveCluster, 'inventory' | 'name'>, clock: Dependencies['clock']): Outcome | undefined {
  const { unreachableSinceMs: sinceMs, lastFailure } = inventory
  if (sinceMs === undefined || lastFailure?.reason !== 'Unreachable' || clock.monotonicMs() - sinceMs < silentMs) return undefined
  return retry('Unreachable', `The PVE of ProxmoxCluster "${name}" does not answer: ${lastFailure.message}`)
}

export function mayUse(deps: Dependencies, vm: ProxmoxVM, allowed: AllowedNamespaces): boolean {
  const namespace = vm.metadata.namespace ?? ''
  return namespaceAllowed(allowed, deps.namespaces.get(namespace)?.metadata.labels ?? {})
}
