import * as z from 'zod'

/** What users write as JSON Schema (OpenAPI 3.0): a field with a default is optional, everything reused stands in full. */
export const jsonSchema = (schema: z.ZodType): Record<string, unknown> =>
  z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' })
