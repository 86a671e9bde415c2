/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value as it stands in a text: strings as they are, everything else as JSON. */
export function plain(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

/** JSON with sorted keys: two equal values give the same text. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`)
  return `{${members.join(',')}}`
}

/** A value as a short text for a difference. */
export function short(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : canonical(value)
  return text.length < 300 ? text : `${text.slice(0, 300)}...`
}

/**
 * Reads a part of a document: `data.net0~virtio=([^,]+)`, `data[0].pos`, `data[snapname=s1].digest`. What follows `~` is a pattern;
 * its first group is the result. Undefined when there is no such part.
 */
export function pick(document: Json | undefined, path: string): Json | undefined {
  const tilde = path.indexOf('~')
  const pattern = tilde < 0 ? undefined : path.slice(tilde + 1)
  let value = document
  for (const part of (tilde < 0 ? path : path.slice(0, tilde)).match(/[^.[\]]+|\[[^\]]*\]/g) ?? []) {
    value = part.startsWith('[') ? member(value, part.slice(1, -1)) : isObject(value) ? value[part] : undefined
  }
  if (pattern === undefined || typeof value !== 'string') return value ?? undefined
  return new RegExp(pattern).exec(value)?.[1]
}

function member(value: Json | undefined, selector: string): Json | undefined {
  if (!Array.isArray(value)) return undefined
  const equals = selector.indexOf('=')
  if (equals < 0) return value[Number(selector)]
  const key = selector.slice(0, equals)
  return value.find((item) => isObject(item) && plain(item[key]) === selector.slice(equals + 1))
}
