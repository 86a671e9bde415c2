/** Asks the operator, by an annotation on the ProxmoxCluster, for guests that no object owns: the plugin does not talk to PVE. */
import { randomUUID } from 'node:crypto'
import { type ListedGuest, listGuestsAnnotation } from '../../api/guest-list.ts'
import { proxmoxClusters } from '../../api/meta.ts'
import type { ProxmoxCluster } from '../../api/proxmoxcluster.ts'
import { isConflict } from '../../kube/kube-error.ts'
import type { Session } from '../session.ts'
import { PluginRefusal } from '../shell.ts'
import { waitFor } from '../waiting.ts'

type GuestList = NonNullable<NonNullable<ProxmoxCluster['status']>['guestList']>

/** The operator answers within seconds, with some 200 guests at a time. */
const patienceSeconds = 120
/** As long as nobody reads the answer to a request, it may be that its plugin is gone. */
const leftBehindMs = 5_000
const highestVmid = 999_999_999

export async function mustGetCluster({ client }: Session, name: string): Promise<ProxmoxCluster> {
  const found = await client.get(proxmoxClusters, { name })
  if (found) return found
  const names = (await client.list(proxmoxClusters)).map(({ metadata }) => metadata.name)
  throw new PluginRefusal(`ProxmoxCluster "${name}" does not exist; there are ${names.join(', ') || 'none'}`)
}

/** All guests of these VMIDs that are no templates and that no ProxmoxVM owns. Another person's request is waited for, not replaced. */
export async function requestGuests(session: Session, cluster: string, range: { from: number; to: number }): Promise<ListedGuest[]> {
  const guests: ListedGuest[] = []
  const token = `plugin-${randomUUID().slice(0, 8)}`
  try {
    for (let from: number | undefined = range.from; from !== undefined && from <= range.to; ) {
      const answer: GuestList = await ask(session, cluster, token, `${token} ${from}-${range.to}`)
      guests.push(...answer.guests)
      from = answer.next
    }
  } finally {
    await withdraw(session, cluster, token)
  }
  return guests
}

/** All that there can be. */
export const everyVmid = { from: 0, to: highestVmid }

async function ask(session: Session, name: string, token: string, request: string): Promise<GuestList> {
  const later = `kubectl get pvecl ${name}`
  const foreign = { request: '', sinceMs: 0 }
  return await waitFor(session, { later, timeoutSeconds: patienceSeconds }, async () => {
    const cluster = await mustGetCluster(session, name)
    const list = cluster.status?.guestList
    if (list?.request === request) return { done: list }
    const asked = requestIn(cluster)
    if (asked === request) return { progress: `the operator lists the guests of ${name}` }
    const nowMs = session.shell.clock.now()
    if (asked !== undefined && asked !== foreign.request) Object.assign(foreign, { request: asked, sinceMs: nowMs })
    // A plugin that was killed leaves its request behind, with its answer.
    const isLeft = asked !== undefined && list?.request === asked && nowMs - foreign.sinceMs >= leftBehindMs
    if (asked === undefined || asked.startsWith(token) || isLeft) await annotate(session, cluster, request)
    else return { progress: `the operator answers another request for the guests of ${name} first` }
    return { progress: `the operator lists the guests of ${name}` }
  })
}

/** A write that somebody else's came before is repeated; what stays is taken for left behind by the next one who asks. */
async function withdraw(session: Session, name: string, token: string): Promise<void> {
  for (let times = 0; times < 5; times++) {
    const cluster = await mustGetCluster(session, name)
    if (!requestIn(cluster)?.startsWith(token)) return
    await annotate(session, cluster, null)
  }
}

const requestIn = ({ metadata }: ProxmoxCluster): string | undefined => metadata.annotations?.[listGuestsAnnotation]

/** Only onto the object as it was read: two people may ask at the same moment. */
async function annotate({ client }: Session, { metadata }: ProxmoxCluster, request: string | null): Promise<void> {
  const { name, resourceVersion } = metadata
  const patch = { metadata: { resourceVersion, annotations: { [listGuestsAnnotation]: request } } }
  await client.mergePatch(proxmoxClusters, { name }, patch).catch((fault: unknown) => {
    if (!isConflict(fault)) throw fault
  })
}
