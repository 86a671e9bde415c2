import type { KubeObject } from '../api/meta.ts'

/** Who writes which fields, as the API server keeps it (metadata.managedFields). */
interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  fieldsV1?: FieldSet
}
interface FieldSet {
  [key: string]: FieldSet
}

const managed = (object: KubeObject): ManagedFields[] => (object.metadata as { managedFields?: ManagedFields[] }).managedFields ?? []

/**
 * What this manager applied before, below `path`: server-side apply takes away what a manager leaves out, so what it had before goes with what
 * it wants now. Lists are left out: this plugin applies none here.
 */
export function appliedBefore(object: KubeObject, manager: string, path: readonly string[]): Record<string, unknown> {
  const own = managed(object).find((entry) => entry.manager === manager && entry.operation === 'Apply' && !entry.subresource)
  let fields = own?.fieldsV1
  let value: unknown = object
  for (const part of path) {
    fields = fields?.[`f:${part}`]
    value = (value as Record<string, unknown> | undefined)?.[part]
  }
  return fields && isRecord(value) ? extract(value, fields) : {}
}

function extract(value: Record<string, unknown>, fields: FieldSet): Record<string, unknown> {
  const parts = Object.entries(fields).flatMap(([key, below]) => {
    const name = key.startsWith('f:') ? key.slice(2) : undefined
    if (name === undefined || value[name] === undefined || Array.isArray(value[name])) return []
    const part = value[name]
    return [[name, isRecord(part) && Object.keys(below).length > 0 ? extract(part, below) : part] as const]
  })
  return Object.fromEntries(parts)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Field managers that hold the suspension of this holder. */
export function holdersOfSuspension(object: KubeObject, by: string): string[] {
  const key = `k:${JSON.stringify({ by })}`
  return managed(object)
    .filter((entry) => entry.fieldsV1?.['f:spec']?.['f:suspensions']?.[key] !== undefined)
    .map((entry) => entry.manager ?? '')
}
