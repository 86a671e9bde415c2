import { paramError } from '../http/refusal.ts'
import { checkObject, type Errors } from './check.ts'
import type { MethodInfo } from './schema.ts'
import { textOf } from './text.ts'

/** Validated parameters: integers and booleans as numbers, everything else as text (arrays and objects as they came). */
export type Params = Record<string, unknown>

/** Judges every parameter by the method's schema; throws 400 with one text a parameter. */
export function validate(info: MethodInfo, given: Readonly<Record<string, unknown>>): Params {
  const properties = info.parameters?.properties ?? {}
  const values: Record<string, unknown> = { ...given }
  const errors: Errors = {}
  checkObject('', properties, values, info.parameters?.additionalProperties !== 0, errors)
  if (Object.keys(errors).length > 0) throw paramError(errors)
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === null) delete values[key]
    else values[key] = typed(properties[key]?.type, value)
  }
  return values
}

function typed(type: string | undefined, value: unknown): unknown {
  if (typeof value === 'object') return value
  if (type === 'boolean') return value === true || textOf(value) === '1' ? 1 : 0
  if (type === 'integer') return Number(value)
  return textOf(value)
}
