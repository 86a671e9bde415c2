/** Events on ProxmoxClusters, IPPools and DNSZones when their state changes: one for each change, whoever wrote it. */
import type { DNSZone } from './api/dnszone.ts'
import type { EventReason } from './api/events.ts'
import type { IPPool } from './api/ippool.ts'
import type { Condition, KubeObject } from './api/object.ts'
import type { ProxmoxCluster } from './api/proxmoxcluster.ts'
import type { EventRecorder } from './kube/events.ts'
import type { Store } from './kube/store.ts'

export interface StateEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
}

interface Stateful extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] }
}

/** Condition types that are well when they are not True. */
const badWhenTrue: ReadonlySet<string> = new Set(['Exhausted', 'Overlapping'])
/** They say the same as Ready. */
const echoes: ReadonlySet<string> = new Set(['Reconciling', 'Stalled'])

/** What is worth an Event between two states of one object. Nothing at its first state. */
export function stateChanges(old: Stateful, now: Stateful): StateEvent[] {
  const changed = (now.status?.conditions ?? []).filter((condition) => {
    const before = old.status?.conditions?.find(({ type }) => type === condition.type)
    return before !== undefined && !echoes.has(condition.type) && (before.status !== condition.status || before.reason !== condition.reason)
  })
  // Ready only repeats what another condition says.
  const told = changed.filter(
    ({ type, reason }) => type !== 'Ready' || !changed.some((other) => other.type !== 'Ready' && other.reason === reason),
  )
  return told.filter(({ type }) => type !== 'NodesOnline').map(conditionEvent)
}

function conditionEvent({ type, status, message, reason }: Condition): StateEvent {
  const isWell = badWhenTrue.has(type) ? status === 'False' : status === 'True'
  return { type: isWell ? 'Normal' : 'Warning', reason: 'ConditionChanged', message: `${type} is ${status} (${reason}): ${message}` }
}

/** One for all nodes that went, one for all that came back. */
export function nodeChanges(old: ProxmoxCluster, now: ProxmoxCluster): StateEvent[] {
  const before = new Map((old.status?.nodes ?? []).map((node) => [node.name, node.online]))
  const went = (now.status?.nodes ?? []).filter(({ name, online }) => !online && before.get(name) === true)
  const came = (now.status?.nodes ?? []).filter(({ name, online }) => online && before.get(name) === false)
  const named = (nodes: typeof went) => nodes.map(({ name, vms }) => `${name}, with ${vms === 1 ? '1 VM' : `${vms} VMs`}`).join('; ')
  return [
    ...(went.length > 0 ? [{ type: 'Warning', reason: 'NodeOffline', message: `Offline now: ${named(went)}.` } as const] : []),
    ...(came.length > 0 ? [{ type: 'Normal', reason: 'NodeOnline', message: `Online again: ${named(came)}.` } as const] : []),
  ]
}

/** Tells from now on; the answer ends it. */
export function tellStates(
  { clusters, pools, zones }: { clusters: Store<ProxmoxCluster>; pools: Store<IPPool>; zones: Store<DNSZone> },
  events: Pick<EventRecorder, 'record'>,
): () => void {
  const record = (about: KubeObject, all: readonly StateEvent[]) =>
    all.forEach(({ type, reason, message }) => events.record(about, type, reason, message))
  const ends = [
    ...[clusters, pools, zones].map((store: Pick<Store<Stateful>, 'subscribe'>) =>
      store.subscribe(({ old, new: now }) => {
        if (old && now && old.metadata.uid === now.metadata.uid) record(now, stateChanges(old, now))
      }),
    ),
    clusters.subscribe(({ old, new: now }) => {
      if (old && now && old.metadata.uid === now.metadata.uid) record(now, nodeChanges(old, now))
    }),
  ]
  return () => ends.forEach((end) => end())
}
