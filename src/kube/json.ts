/** Values as the API server keeps them. Each pass over a VM compares its status, so nothing is turned into text for it. */

/** The value as the API server hands it back: fields that are undefined are not there. */
export function plain<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => (item === undefined ? null : plain(item))) as T
  if (typeof value === 'number' && !Number.isFinite(value)) return null as T
  if (typeof value !== 'object' || value === null) return value
  const kept: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) if (field !== undefined) kept[name] = plain(field)
  return kept as T
}

/** Whether both are the same to the API server: the order of fields is no difference, nor is one that is undefined. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Number.isNaN(a) && Number.isNaN(b)
  if (Array.isArray(a) || Array.isArray(b))
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => isSameJson(item, b[at]))
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const fields = Object.keys(left).filter((name) => left[name] !== undefined)
  return (
    fields.length === Object.keys(right).filter((name) => right[name] !== undefined).length &&
    fields.every((name) => isSameJson(left[name], right[name]))
  )
}
