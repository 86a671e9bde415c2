/** Makes objects smaller before a store keeps them: a fleet is ten thousand times what is left in. */
import type { KubeObject, ObjectMeta } from '../api/meta.ts'

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Nobody here reads who wrote which field, and it is half of an object. The API server keeps it when a write leaves it out. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields, ...metadata } = object.metadata as ObjectMeta & { managedFields?: unknown }
  return managedFields === undefined ? object : { ...object, metadata }
}

/**
 * Also without the copy of the whole manifest that `kubectl apply` leaves in an annotation. Only for kinds that are never replaced as a
 * whole from what a store holds: a PUT would take the annotation off.
 */
export function withoutManifest<T extends KubeObject>(object: T): T {
  const { metadata, ...rest } = withoutManagedFields(object)
  const { [lastApplied]: manifest, ...annotations } = metadata.annotations ?? {}
  if (manifest === undefined) return withoutManagedFields(object)
  return { ...rest, metadata: { ...metadata, annotations } } as T
}

/** Keeps one copy of what many objects say alike. What is shared must never be changed in place, as nothing in a store may be. */
export class SharedValues {
  readonly #byText = new Map<string, unknown>()
  readonly #limit: number

  /** Beyond `limit` different values it begins from nothing: sharing saves memory and must not cost it. */
  constructor(limit = 1_000) {
    this.#limit = limit
  }

  share<T>(value: T): T {
    if (value === undefined || value === null) return value
    const text = JSON.stringify(value)
    const known = this.#byText.get(text)
    if (known !== undefined) return known as T
    if (this.#byText.size >= this.#limit) this.#byText.clear()
    this.#byText.set(text, value)
    return value
  }
}
