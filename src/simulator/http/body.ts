import type { IncomingMessage } from 'node:http'
import { PveRefusal } from './refusal.ts'

/** Request bodies above this are refused (pve-http-server 5.2.1 and newer). */
const maxBodyBytes = 512 * 1024

/** A refusal of the HTTP layer: plain text, sent before anybody was asked who they are. */
export class TransportRefusal extends Error {
  readonly status: number
  /** A reason phrase without a body, as for an unknown method. */
  readonly isEmpty: boolean

  constructor(status: number, message: string, isEmpty = false) {
    super(message)
    this.status = status
    this.isEmpty = isEmpty
  }
}

/** Checks method, framing and content type; must run before the body is read. */
export function checkTransport(request: IncomingMessage, isUpload = false): void {
  const method = request.method ?? ''
  if (!['GET', 'POST', 'PUT', 'DELETE'].includes(method)) throw new TransportRefusal(501, `method '${method}' not available`, true)
  if (request.headers['transfer-encoding']?.includes('chunked')) throw new TransportRefusal(501, 'chunked transfer encoding not supported')
  const length = Number(request.headers['content-length'] ?? 0)
  if (length === 0) return
  if (method === 'GET' || method === 'DELETE') throw new TransportRefusal(501, `Unexpected content for method '${method}'`)
  if (isUpload) return
  if (length > maxBodyBytes) throw new TransportRefusal(501, 'for data too large')
  const type = request.headers['content-type']
  if (type !== undefined && !/^application\/(x-www-form-urlencoded|json)(;|$|\s)/i.test(type))
    throw new TransportRefusal(506, `upload 'Content-Type '${type}' not implemented`)
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Query over body; repeated keys become arrays; `_dc` is dropped. */
export function parameters(query: URLSearchParams, body: string, contentType: string | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = /^application\/json/i.test(contentType ?? '') ? jsonObject(body) : pairs(new URLSearchParams(body))
  Object.assign(out, pairs(query))
  delete out['_dc']
  return out
}

function pairs(search: URLSearchParams): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of search) {
    const known = out[key]
    out[key] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value]
  }
  return out
}

function jsonObject(body: string): Record<string, unknown> {
  const where = 'at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line'
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    const message = `malformed JSON string, neither tag, array, object, number, string or atom, at character offset ${body.length} (before "(end of string)") ${where} 934.`
    throw new TransportRefusal(500, `${message}\n`)
  }
  if (Array.isArray(parsed)) throw new TransportRefusal(500, `Not a HASH reference ${where} 978.\n`)
  if (typeof parsed !== 'object' || parsed === null)
    throw new TransportRefusal(500, `Can't use string ("${String(parsed)}") as a HASH ref while "strict refs" in use ${where} 978.\n`)
  return parsed as Record<string, unknown>
}

/** Decodes a path as a whole, so that `%2F` equals `/`. */
export function decodePath(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    throw new PveRefusal(400, 'bad URI encoding')
  }
}
