/** All that one pass over a ProxmoxCluster has found out, for its verdict (pure). */
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Failure } from '../proxmox/failures.ts'
import type { LiveCluster } from './cluster.ts'
import { unclaimedOf } from './unclaimed.ts'
import type { ClusterFindings, ClusterProblem } from './verdict.ts'

export function findingsOf(o: {
  live: LiveCluster | undefined
  users: readonly ProxmoxVM[]
  /** What status.unclaimed says. */
  told: NonNullable<ProxmoxClusterStatus['unclaimed']>
  /** To be recorded. */
  identity: string | undefined
  credentialsProblem: ClusterProblem | undefined
  failure: Failure | undefined
}): ClusterFindings {
  const { live, users, told, identity, credentialsProblem } = o
  const failure = o.failure ?? live?.inventory.lastFailure
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
    ...(live?.guests.unread()?.length === 0 && { unclaimed: unclaimedOf(live.guests.list(), { told, isUnread: live.guests.isUnread }) }),
    vmsByNode,
  }
}
