import http from 'node:http'
import https from 'node:https'
import { isObject, plain, type Json } from './json.ts'
import type { Answer, Step } from './recording.ts'

export interface WireOptions {
  /** `https://127.0.0.1:8006`. */
  url: string
  /** Header values after `PVEAPIToken=`, by identity: root, oper, limited. */
  tokens: Readonly<Record<string, string>>
  timeoutMs?: number
}

export type Request = Pick<Step, 'method' | 'path' | 'params' | 'body' | 'raw' | 'contentType' | 'headers' | 'authorization'>

/** Sends one request a connection, exactly as written: nothing is corrected, nothing retried. */
export class Wire {
  readonly #options: WireOptions

  constructor(options: WireOptions) {
    this.#options = options
  }

  async call(as: string, request: Request): Promise<Answer> {
    const { headers, path, data } = this.#prepare(as, request)
    try {
      return parsed(await this.#send(request.method ?? 'GET', path, headers, data))
    } catch (fault) {
      return { status: 0, reason: reasonOf(fault), contentType: null, connection: null }
    }
  }

  #authorization(as: string): string | undefined {
    const { tokens } = this.#options
    if (as === 'none') return undefined
    if (as === 'bad') return `PVEAPIToken=${tokens['root']?.split('=')[0]}=00000000-0000-0000-0000-000000000000`
    return `PVEAPIToken=${tokens[as]}`
  }

  #prepare(as: string, request: Request): { headers: Record<string, string>; path: string; data: Buffer | undefined } {
    const method = request.method ?? 'GET'
    const headers: Record<string, string> = { 'Accept-Encoding': 'identity', Connection: 'keep-alive' }
    const authorization = request.authorization ?? this.#authorization(as)
    if (authorization !== undefined) headers['Authorization'] = authorization
    let path = `/api2/json${quotePath(request.path ?? '/')}`
    let data: string | undefined
    if (request.raw !== undefined && request.raw !== null) {
      data = plain(expand(request.raw))
      headers['Content-Type'] = request.contentType ?? 'application/x-www-form-urlencoded'
    } else if (request.params !== undefined && request.params !== null) {
      const params = expand(request.params)
      const kind = request.body ?? (['GET', 'DELETE', 'HEAD'].includes(method) ? 'query' : 'form')
      if (kind === 'query') path += queryOf(path, formOf(params))
      else {
        data = kind === 'json' ? JSON.stringify(params) : formOf(params)
        headers['Content-Type'] = request.contentType ?? (kind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded')
      }
    }
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name] = plain(expand(value))
    if (data === undefined && ['POST', 'PUT', 'PATCH'].includes(method)) headers['Content-Length'] = '0'
    return { headers, path, data: data === undefined ? undefined : Buffer.from(data) }
  }

  #send(method: string, path: string, headers: Record<string, string>, data: Buffer | undefined): Promise<Raw> {
    const url = new URL(this.#options.url)
    const secure = url.protocol === 'https:'
    const agent = secure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true })
    const all = data === undefined || 'Transfer-Encoding' in headers ? headers : { 'Content-Length': String(data.length), ...headers }
    const options = { host: url.hostname, port: url.port, method, path, headers: all, agent, rejectUnauthorized: false }
    return new Promise<Raw>((resolve, reject) => {
      const request = (secure ? https : http).request(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve({ response, text: Buffer.concat(chunks).toString('utf8') }))
        response.on('error', reject)
      })
      request.setTimeout(this.#options.timeoutMs ?? 120_000, () => request.destroy(new Error('TimeoutError')))
      request.on('error', reject)
      request.end(data)
    }).finally(() => agent.destroy())
  }
}

interface Raw {
  response: http.IncomingMessage
  text: string
}

function parsed({ response, text }: Raw): Answer {
  const answer: Answer = {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    contentType: response.headers['content-type'] ?? null,
    connection: response.headers.connection ?? null,
  }
  try {
    answer.json = JSON.parse(text) as Json
  } catch {
    answer.text = text
  }
  return answer
}

/** The words the recordings have for a connection that ended without an answer. */
function reasonOf(fault: unknown): string {
  const code = (fault as NodeJS.ErrnoException).code
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'RemoteDisconnected' : String(code ?? (fault as Error).message)
}

/** `{"$repeat": [text, n]}` stands for a long value. */
function expand(value: Json): Json {
  if (Array.isArray(value)) return value.map(expand)
  if (!isObject(value)) return value
  const repeat = value['$repeat']
  if (Array.isArray(repeat)) return plain(repeat[0]).repeat(Number(repeat[1]))
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, expand(member)]))
}

const quoted = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

function formText(value: Json): string {
  if (value === true) return 'True'
  if (value === false) return 'False'
  return value === null ? 'None' : isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value)
}

/** Form encoding; a list value repeats its key. */
function formOf(params: Json): string {
  const pairs = Array.isArray(params) ? params.map((pair) => pair as [string, Json]) : Object.entries(params as Record<string, Json>)
  const one = (key: string, value: Json): string => `${quoted(key)}=${quoted(formText(value)).replaceAll('%20', '+')}`
  return pairs.flatMap(([key, value]) => (Array.isArray(value) ? value.map((item) => one(key, item)) : [one(key, value)])).join('&')
}

function queryOf(path: string, form: string): string {
  return form === '' ? '' : `${path.includes('?') ? '&' : '?'}${form}`
}

function quotePath(path: string): string {
  return path.replace(/[^A-Za-z0-9/:@!=?&%+,;.~_-]+/g, quoted)
}
