/** `kubectl pve unclaimed`: guests in PVE with our mark that belong to no object. */
import { proxmoxClusters } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import { printJson, type Session } from './session.ts'
import { table } from './table.ts'

type Guest = NonNullable<ProxmoxClusterStatus['unclaimed']>[number]

export async function showUnclaimed(session: Session, o: { output?: 'json' }): Promise<void> {
  const clusters = await session.client.list(proxmoxClusters)
  const guests = clusters.flatMap(({ metadata, status }) =>
    (status?.unclaimed ?? []).map((guest) => ({ cluster: metadata.name, ...guest })),
  )
  const unseen = clusters.flatMap(unseenOf)
  if (o.output) {
    if (unseen.length > 0) session.shell.err(`${unseen.join('\n')}\n`)
    return printJson(session, guests)
  }
  if (clusters.length === 0) return session.shell.out('there is no ProxmoxCluster, so the operator knows of no guest\n')
  if (guests.length === 0) return session.shell.out(`${[...unseen, nothingIn(unseen.length === 0)].join('\n')}\n`)
  const heads = ['CLUSTER', 'VMID', 'NODE', 'NAME', 'FORMER OBJECT', 'ADDRESSES', 'SINCE', 'WHY']
  const rows = guests.map((guest) => [
    guest.cluster,
    String(guest.vmid),
    guest.node,
    guest.name,
    guest.formerObject ?? '',
    (guest.addresses ?? []).join(','),
    guest.since,
    whyOf(guest),
  ])
  session.shell.out(table(heads, rows))
  const more = [...clusters.flatMap(leftOut), ...unseen]
  if (more.length > 0) session.shell.out(`${more.join('\n')}\n`)
}

const nothingIn = (isAllSeen: boolean): string =>
  `every guest${isAllSeen ? '' : ' that was read'} with the owner line of the operator has its ProxmoxVM`

/** Right after an installation nobody has read the guests, and while PVE is silent the list is an old one. */
export function unseenOf({ metadata, status }: ProxmoxCluster): string[] {
  if (!status?.unclaimed) return [`${metadata.name}: the operator has not read its guests yet, so there may be some`]
  const reachable = status.conditions?.find(({ type }) => type === 'Reachable')
  return reachable?.status === 'False' ? [`${metadata.name}: the list is of before PVE fell silent: ${reachable.message}`] : []
}

function whyOf({ copyOf, installation }: Guest): string {
  if (copyOf !== undefined) return `copy of VM ${copyOf}`
  return installation === undefined ? 'its object no longer exists' : `of Kubernetes cluster ${installation}`
}

function leftOut({ metadata, status }: ProxmoxCluster): string[] {
  const listed = (status?.unclaimed ?? []).filter(({ copyOf, installation }) => copyOf === undefined && installation === undefined).length
  const more = (status?.unclaimedCount ?? 0) - listed
  return more > 0 ? [`and ${more} more of ${metadata.name} whose object no longer exists; the status lists 256`] : []
}
