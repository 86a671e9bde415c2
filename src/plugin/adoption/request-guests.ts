/** Asks the operator, by an annotation on the ProxmoxCluster, for guests that no object owns: the plugin does not talk to PVE. */
import { type ListedGuest, listGuestsAnnotation } from '../../api/guest-list.ts'
import { proxmoxClusters } from '../../api/meta.ts'
import type { ProxmoxCluster } from '../../api/proxmoxcluster.ts'
import type { Session } from '../session.ts'
import { PluginRefusal } from '../shell.ts'
import { waitFor } from '../waiting.ts'

/** The operator answers within seconds, with some 200 guests at a time. */
const patienceSeconds = 120
const highestVmid = 999_999_999

export async function mustGetCluster({ client }: Session, name: string): Promise<ProxmoxCluster> {
  const found = await client.get(proxmoxClusters, { name })
  if (found) return found
  const names = (await client.list(proxmoxClusters)).map(({ metadata }) => metadata.name)
  throw new PluginRefusal(`ProxmoxCluster "${name}" does not exist; there are ${names.join(', ') || 'none'}`)
}

/** All guests of these VMIDs that are no templates and that no ProxmoxVM owns. */
export async function requestGuests(session: Session, cluster: string, range: { from: number; to: number }): Promise<ListedGuest[]> {
  const guests: ListedGuest[] = []
  const token = `plugin-${session.shell.clock.now()}`
  try {
    for (let from: number | undefined = range.from; from !== undefined && from <= range.to; ) {
      const answer: NonNullable<NonNullable<ProxmoxCluster['status']>['guestList']> = await ask(
        session,
        cluster,
        `${token} ${from}-${range.to}`,
      )
      guests.push(...answer.guests)
      from = answer.next
    }
  } finally {
    await annotate(session, cluster, null)
  }
  return guests
}

/** All that there can be. */
export const everyVmid = { from: 0, to: highestVmid }

async function ask(session: Session, name: string, request: string) {
  await annotate(session, name, request)
  const later = `kubectl get pvecl ${name}`
  return await waitFor(session, { later, timeoutSeconds: patienceSeconds }, async () => {
    const list = (await mustGetCluster(session, name)).status?.guestList
    return list?.request === request ? { done: list } : { progress: `the operator lists the guests of ${name}` }
  })
}

async function annotate({ client }: Session, name: string, request: string | null): Promise<void> {
  await client.mergePatch(proxmoxClusters, { name }, { metadata: { annotations: { [listGuestsAnnotation]: request } } })
}
