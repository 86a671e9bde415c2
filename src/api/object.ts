/** What every Kubernetes object has: metadata and conditions. */
import type { V1Condition, V1ObjectMeta } from '@kubernetes/client-node'
import * as z from 'zod'

/** A type of client-node as JSON carries it: its clients make Dates of times, we keep the strings. */
export type AsJson<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? AsJson<E>[]
    : T extends object
      ? { [K in keyof T]: AsJson<T[K]> }
      : T

/**
 * What every Kubernetes object carries; only the fields somebody here reads or writes. Times are RFC 3339; with a deletionTimestamp the
 * object is being deleted and waits for its finalizers. `generation` grows with every change of the spec.
 */
export type ObjectMeta = { name: string } & AsJson<
  Pick<
    V1ObjectMeta,
    | 'namespace'
    | 'uid'
    | 'resourceVersion'
    | 'generation'
    | 'creationTimestamp'
    | 'deletionTimestamp'
    | 'labels'
    | 'annotations'
    | 'finalizers'
    | 'ownerReferences'
  >
>

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

const condition = z.object({
  type: z.string().max(64).describe('What the condition is about, in CamelCase. docs/reasons.md lists all.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: z.string().max(64).describe('Why, as one word in CamelCase for programs. docs/reasons.md says what each means and who acts.'),
  message: z.string().max(4096).describe('Why, as one sentence for people: what happened, who must act, when the operator retries.'),
  lastTransitionTime: z.string().max(64).meta({ description: 'When status last changed.', format: 'date-time' }),
  observedGeneration: z.int().exactOptional().describe('metadata.generation of the spec this condition was judged on.'),
}) satisfies z.ZodType<AsJson<V1Condition>>
/** `metav1.Condition`, with its words for the status. */
export type Condition = z.infer<typeof condition>

export const conditions = z
  .array(condition)
  .max(32)
  .meta({
    description: 'The conditions of this object, one entry for each type.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  })

export const observedGeneration = z
  .int()
  .describe(
    'metadata.generation of the last spec that has a verdict; -1 = the operator has not read the object yet. Smaller than metadata.generation: the status is about an older spec.',
  )
