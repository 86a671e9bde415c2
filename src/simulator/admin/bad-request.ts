/** 400: the text says what to write instead. */
export class BadRequest extends Error {}

/** A JSON object, or a BadRequest that names `what`. */
export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadRequest(`${what} must be a JSON object`)
  return value as Record<string, unknown>
}

/** Refuses keys that are not in the list. */
export function onlyKeys(value: Record<string, unknown>, allowed: readonly string[], what: string): void {
  const unknown = Object.keys(value).find((key) => !allowed.includes(key))
  if (unknown !== undefined) throw new BadRequest(`${what} has no field '${unknown}'; it may have: ${allowed.join(', ')}`)
}

export function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') throw new BadRequest(`${what} must be a text`)
  return value
}

export function optionalNumber(value: unknown, what: string, least = 0): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value) || value < least)
    throw new BadRequest(`${what} must be a number, ${least} or more`)
  return value
}

export function optionalFlag(value: unknown, what: string): boolean | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'boolean') throw new BadRequest(`${what} must be true or false`)
  return value
}

export function oneOf<const T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) throw new BadRequest(`${what} must be one of: ${allowed.join(', ')}`)
  return found
}
