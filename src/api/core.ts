/** The kinds of other API groups that we read or write: client-node's types, as JSON carries them. */
import type { EventsV1Event, V1Lease, V1Namespace, V1ObjectReference, V1Secret } from '@kubernetes/client-node'
import type { AsJson, KubeObject } from './object.ts'

/** What a server hands out always has a kind and a name; client-node's own types leave both open. */
type Named<T> = KubeObject & Omit<AsJson<T>, keyof KubeObject>

/** v1. `data` is base64, `stringData` plain and write only. */
export type Secret = Named<V1Secret>

/** v1. */
export type Namespace = Named<V1Namespace>

/**
 * events.k8s.io/v1. Times are RFC 3339 with microseconds (MicroTime). The server takes at most 128 characters of `reportingInstance` and
 * 1024 bytes of `note`, and demands what is optional in client-node's type.
 */
export type Event = Named<EventsV1Event> &
  Required<Pick<EventsV1Event, 'reportingController' | 'reportingInstance' | 'action' | 'reason'>> & {
    regarding: AsJson<V1ObjectReference>
    type: 'Normal' | 'Warning'
  }

/** coordination.k8s.io/v1. Times are RFC 3339 with microseconds (MicroTime). */
export type Lease = Named<V1Lease>
