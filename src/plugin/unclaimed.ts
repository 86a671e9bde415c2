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
  if (o.output) return printJson(session, guests)
  if (guests.length === 0) return session.shell.out('every guest with the owner line of the operator has its ProxmoxVM\n')
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
  const more = clusters.flatMap(leftOut)
  if (more.length > 0) session.shell.out(`${more.join('\n')}\n`)
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
