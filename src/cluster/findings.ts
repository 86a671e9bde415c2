/** All that one pass over a ProxmoxCluster has found out, for its verdict (pure). */
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { keyOf } from '../kube/keys.ts'
import type { Failure } from '../proxmox/failures.ts'
import type { LiveCluster } from './cluster.ts'
import { unclaimedOf } from './unclaimed.ts'
import type { ClusterFindings, ClusterProblem } from './verdict.ts'

const usersNamed = 3

export function findingsOf(o: {
  object: ProxmoxCluster
  live: LiveCluster | undefined
  users: readonly ProxmoxVM[]
  /** To be recorded. */
  identity: string | undefined
  credentialsProblem: ClusterProblem | undefined
  failure: Failure | undefined
}): ClusterFindings {
  const { object, live, users, identity, credentialsProblem } = o
  const failure = withRemedy(o.failure ?? live?.inventory.lastFailure, object.spec.credentialsSecretRef)
  const listing = live?.inventory.current()
  const vmsByNode = new Map<string, number>()
  for (const { status } of users) if (status?.node !== undefined) vmsByNode.set(status.node, (vmsByNode.get(status.node) ?? 0) + 1)
  return {
    ...(credentialsProblem && { credentialsProblem }),
    ...(failure && { failure }),
    ...(live?.found && { facts: live.found }),
    ...(listing && { listing }),
    ...(identity !== undefined && { identity }),
    ...(live && { deletions: live.deletions.summary }),
    ...(live && live.doubt.missing.length > 0 && { doubt: live.doubt.sentence }),
    ...(live?.guests.unread()?.length === 0 && {
      unclaimed: unclaimedOf(live.guests.list(), { told: object.status?.unclaimed ?? [], isUnread: live.guests.isUnread }),
    }),
    vmsByNode,
    users: { count: users.length, some: users.slice(0, usersNamed).map(keyOf) },
  }
}

/** PVE's words for a refused token name neither the token nor what to do. */
function withRemedy(failure: Failure | undefined, secret: ProxmoxCluster['spec']['credentialsSecretRef']): Failure | undefined {
  if (failure?.reason !== 'Unauthorized') return failure
  const remedy = 'correct tokenID and tokenSecret there, or make the token again in PVE if it was deleted or has expired'
  return { ...failure, message: `PVE refuses the token in Secret ${secret.namespace}/${secret.name} (401: ${failure.message}): ${remedy}` }
}
