/** One request as it goes over the wire, and what its answer says (pure). */
import type { Dispatcher } from 'undici'
import { rowOf, text } from './fields.ts'
import { PveError } from './pve-error.ts'

export interface WireCall {
  readonly method: Dispatcher.HttpMethod
  readonly route: string
  readonly path: string
  readonly body: string | undefined
}

export interface WireAnswer {
  readonly status: number
  readonly phrase: string
  readonly body: string
}

export function callOf(method: string, path: string, template: string, params: Readonly<Record<string, unknown>> | undefined): WireCall {
  const verb = method.toUpperCase()
  if (verb !== 'GET' && verb !== 'POST' && verb !== 'PUT' && verb !== 'DELETE') throw new TypeError(`no such method: ${method}`)
  const route = template.replace(/^\/api2\/json/, '')
  // A '.' segment would be resolved away and reach another route; '?' and '#' would end the path.
  const segments = path.split('/').map((segment) => {
    if (segment === '.' || segment === '..') throw new TypeError(`a path parameter of ${route} is "${segment}"`)
    return encodeURIComponent(segment.replaceAll('%2F', '/'))
  })
  const query = encode(params ?? {})
  const inBody = verb === 'POST' || verb === 'PUT' // a GET or DELETE with a body is answered 501 (recording 02)
  const tail = inBody || query === '' ? '' : `?${query}`
  return { method: verb, route, path: segments.join('/') + tail, body: inBody ? query : undefined }
}

/** Form encoding: all PVE versions take it on every hop. Booleans as 1 and 0, arrays as repeated keys, undefined left out. */
function encode(params: Readonly<Record<string, unknown>>): string {
  const form = new URLSearchParams()
  const add = (key: string, value: unknown) => form.append(key, typeof value === 'boolean' ? (value ? '1' : '0') : String(value))
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue
    if (Array.isArray(value)) for (const item of value) add(key, item)
    else add(key, value)
  }
  return form.toString()
}

export const isUrgent = ({ method, route }: WireCall): boolean =>
  (method === 'POST' && route.startsWith('/nodes/*/qemu/*/status/')) || (method === 'DELETE' && route === '/nodes/*/qemu/*')

export function dataOf(call: WireCall, { status, phrase, body }: WireAnswer): unknown {
  const envelope = parsed(body)
  if (status >= 200 && status < 300 && envelope !== undefined) return rowOf(envelope)['data']
  const row = rowOf(envelope)
  const told = text(row, 'message')?.trim() || phrase || `HTTP status ${status}`
  const errors = Object.entries(rowOf(row['errors'])).map(([name, value]) => [name, String(value)] as const)
  throw new PveError({
    message: status < 300 ? 'the answer is not JSON: is this a PVE API?' : told,
    status,
    sent: status !== 595 && status !== 401,
    route: call.route,
    method: call.method,
    errors: Object.fromEntries(errors),
  })
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
