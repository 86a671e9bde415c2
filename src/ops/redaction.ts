export const hidden = '[hidden]'

/** Names of fields whose value never leaves the process: ours, PVE's (`cipassword`, `sshkeys`) and HTTP's. Compared without case, `-` and `_`. */
const secretFields = new Set([
  'token',
  'tokenid',
  'tokensecret',
  'secret',
  'stringdata',
  'password',
  'cipassword',
  'sshkeys',
  'sshauthorizedkeys',
  'authorization',
  'cookie',
  'privatekey',
  'clientkey',
])

/** What gives a secret away inside a text: the header of a PVE API token, and bearer tokens of Kubernetes. */
const secretTexts: readonly [RegExp, string][] = [
  [/(PVEAPIToken=[^=\s"']+=)[^\s"',;]+/g, `$1${hidden}`],
  [/(Bearer\s+)[\w.~+/=-]{8,}/gi, `$1${hidden}`],
  [/((?:cipassword|password|sshkeys|tokenSecret)["']?\s*[=:]\s*["']?)[^\s&"',;]+/gi, `$1${hidden}`],
]

/**
 * A copy without secrets, at any depth and whatever the case of the field. Own code because pino's `redact` takes paths of a fixed depth,
 * and a request body may hang anywhere in a fault. Each object is copied once, so a cycle stays a cycle (pino prints it as one).
 */
export function redacted(value: unknown, copies = new Map<object, unknown>()): unknown {
  if (typeof value === 'string') return secretTexts.reduce((text, [pattern, by]) => text.replace(pattern, by), value)
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date) return value
  const known = copies.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    const list: unknown[] = []
    copies.set(value, list)
    for (const item of value) list.push(redacted(item, copies))
    return list
  }
  const copy: Record<string, unknown> = {}
  copies.set(value, copy)
  for (const [name, field] of Object.entries(value)) copy[name] = isSecret(name) && field !== undefined ? hidden : redacted(field, copies)
  return copy
}

function isSecret(name: string): boolean {
  return secretFields.has(name.toLowerCase().replaceAll(/[-_]/g, ''))
}
