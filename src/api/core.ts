/** The kinds of other API groups that we read or write; only the fields in use. */
import type { KubeObject, ObjectMeta } from './object.ts'

/** v1. */
export interface Secret extends KubeObject {
  type?: string
  /** Base64. */
  data?: Record<string, string>
  /** Plain; write only. */
  stringData?: Record<string, string>
  immutable?: boolean
}

/** v1. */
export interface Namespace extends KubeObject {
  status?: { phase?: string }
}

/** v1, what an Event or an owner points at. */
export interface ObjectReference {
  apiVersion: string
  kind: string
  name: string
  namespace?: string
  uid?: string
}

/** events.k8s.io/v1. Times are RFC 3339 with microseconds (MicroTime). */
export interface Event extends KubeObject {
  metadata: ObjectMeta
  eventTime: string
  reportingController: string
  /** At most 128 characters. */
  reportingInstance: string
  action: string
  reason: string
  regarding: ObjectReference
  /** At most 1024 bytes. */
  note?: string
  type: 'Normal' | 'Warning'
  series?: { count: number; lastObservedTime: string }
}

/** coordination.k8s.io/v1. Times are RFC 3339 with microseconds (MicroTime). */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}
