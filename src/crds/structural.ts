/** zod schema → structural schema of a CRD (Kubernetes: "Specifying a structural schema"). */
import type * as z from 'zod'
import { jsonSchema } from '../api/json-schema.ts'

export interface Structural {
  type?: string
  description?: string
  properties?: Record<string, Structural>
  required?: string[]
  items?: Structural
  additionalProperties?: Structural
  maxItems?: number
  [keyword: string]: unknown
}

/** `z.int()` stands for the integers of JavaScript; a CRD says int64 and leaves these bounds out. */
const safe = Number.MAX_SAFE_INTEGER
/** What JSON Schema says and a structural schema may not. */
const foreign = ['$schema', 'id', 'propertyNames']
/** What judges instead of describing. The status is ours to write: a word of a newer release must fit into an older CRD. */
const judging = ['x-kubernetes-validations', 'enum', 'pattern', 'minimum', 'maximum', 'minItems', 'minLength', 'default']

export interface StructuralOptions {
  /** Leave out everything that judges: for status. */
  open: boolean
}

/** The schema of what users write (`io: input`: a field with a default is optional). */
export function structural(schema: z.ZodType, options: StructuralOptions): Structural {
  return shape(jsonSchema(schema), options)
}

function shape(node: Structural, options: StructuralOptions): Structural {
  const out: Structural = {}
  for (const [keyword, value] of Object.entries(node)) {
    if (foreign.includes(keyword) || (options.open && judging.includes(keyword))) continue
    if ((keyword === 'minimum' && value === -safe) || (keyword === 'maximum' && value === safe)) continue
    if (keyword === 'additionalProperties' && value === false) continue
    if (keyword === 'required' && (value as string[]).length === 0) continue
    out[keyword] = value
  }
  if (options.open && node['enum'] !== undefined) out['maxLength'] = 64
  if (out['x-kubernetes-int-or-string'] === true) {
    delete out['anyOf']
    delete out.type
  }
  if (out.type === 'integer') out['format'] ??= 'int64'
  if (node.properties !== undefined) {
    out.properties = Object.fromEntries(Object.entries(node.properties).map(([name, child]) => [name, shape(child, options)]))
  }
  if (node.items !== undefined) out.items = shape(node.items, options)
  if (typeof out.additionalProperties === 'object') out.additionalProperties = shape(out.additionalProperties, options)
  return ordered(out)
}

const order = ['description', 'type', 'format', 'enum', 'default', 'required', 'properties', 'items', 'additionalProperties']
/** One order of keywords, so that a change of the generator's library is no change of the files. */
function ordered(node: Structural): Structural {
  const place = (keyword: string): number => (order.indexOf(keyword) + 1 || order.length + 1) * (keyword.startsWith('x-') ? 2 : 1)
  return Object.fromEntries(Object.entries(node).sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b)))
}
