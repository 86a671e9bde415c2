/** Printer columns: what `kubectl get` shows, and `-o wide` besides. */

/** One printer column of a CRD. */
export interface Column {
  name: string
  jsonPath: string
  type: 'string' | 'integer' | 'date' | 'boolean'
  description: string
  /** 1 = shown by `-o wide` only. */
  priority?: 1
}

export const conditionColumn = (name: string, type: string, field: 'status' | 'reason' | 'message', description: string): Column => ({
  name,
  jsonPath: `.status.conditions[?(@.type=="${type}")].${field}`,
  type: 'string',
  description,
})
export const column = (name: string, jsonPath: string, description: string, type: Column['type'] = 'string'): Column => ({
  name,
  jsonPath,
  type,
  description,
})
export const wide = (column: Column): Column => ({ ...column, priority: 1 })
export const age = column('Age', '.metadata.creationTimestamp', 'Age of the object.', 'date')
export const ready = conditionColumn('Ready', 'Ready', 'status', 'Whether it matches its spec.')
export const reason = conditionColumn('Reason', 'Ready', 'reason', 'Why it is Ready or not; docs/reasons.md.')
export const message = wide(conditionColumn('Message', 'Ready', 'message', 'The same as a sentence.'))
