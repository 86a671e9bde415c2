import * as z from 'zod'

/** What every Kubernetes object carries; only the fields somebody here reads or writes. */
export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  /** Grows with every change of the spec. */
  generation?: number
  /** RFC 3339. */
  creationTimestamp?: string
  /** RFC 3339; present = the object is being deleted and waits for its finalizers. */
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

const condition = z.object({
  type: z.string().max(64).describe('What the condition is about, in CamelCase. docs/reasons.md lists all.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: z.string().max(64).describe('Why, as one word in CamelCase for programs. docs/reasons.md says what each means and who acts.'),
  message: z.string().max(4096).describe('Why, as one sentence for people: what, who must act, when it is tried next.'),
  lastTransitionTime: z.string().max(64).meta({ description: 'When status last changed.', format: 'date-time' }),
  observedGeneration: z.int().exactOptional().describe('metadata.generation of the spec this condition was judged on.'),
})
/** A condition as `metav1.Condition` has it. */
export type Condition = z.infer<typeof condition>

export const conditions = z
  .array(condition)
  .max(32)
  .meta({
    description: 'The verdicts on this object, one entry a type, once they are known.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  })

export const observedGeneration = z
  .int()
  .describe(
    'metadata.generation of the last spec that has a verdict; -1 = nobody has looked yet. Smaller than metadata.generation: the status is about an older spec.',
  )
