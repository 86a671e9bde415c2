import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export interface DoubleRecord {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly content: string
  readonly ttl: number
  readonly comment: string | null
  readonly proxied: boolean
}
type Fields = Partial<Omit<DoubleRecord, 'id'>>

/** An error as the API tells it. Codes and words are those of its published error lists and of bug reports about it. */
class Told extends Error {
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface CloudflareDouble {
  readonly root: string
  readonly token: string
  /** Record sets by zone name, in the order they were made. */
  readonly zones: ReadonlyMap<string, DoubleRecord[]>
  idOf(zone: string): string
  put(zone: string, fields: Fields): void
  /** Answers the next calls with 429 and this Retry-After. */
  limit(calls: number, retryAfterSeconds: number): void
  /** Calls so far, as `GET /zones/…`. */
  readonly calls: string[]
  stop(): Promise<void>
}

/**
 * The part of the Cloudflare API v4 that is in use, after developers.cloudflare.com/api: envelope, zones by name, records by `name.exact` and
 * `type` in pages, and batches (deletes, patches, puts, posts, in that order, in one transaction).
 */
export async function startCloudflareDouble(zoneNames: readonly string[]): Promise<CloudflareDouble> {
  const token = 'cf-token'
  const zones = new Map<string, DoubleRecord[]>(zoneNames.map((name) => [name, []]))
  const ids = new Map(zoneNames.map((name, at) => [`${at}`.padStart(32, 'e'), name]))
  const calls: string[] = []
  let limited = { calls: 0, retryAfterSeconds: 0 }
  let nextId = 1

  const make = (fields: Fields): DoubleRecord => {
    const { type = '', name = '', content = '', ttl = 1, comment = null, proxied = false } = fields
    if (ttl !== 1 && (ttl < 60 || ttl > 86_400))
      throw new Told(400, 9021, 'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.')
    if ((comment ?? '').length > 100) throw new Told(400, 9300, 'DNS record has a comment that is too long.')
    if (type === 'A' && !/^\d+\.\d+\.\d+\.\d+$/.test(content))
      throw new Told(400, 9005, 'Content for A record must be a valid IPv4 address.')
    return { id: `${nextId++}`.padStart(32, '0'), type, name: name.toLowerCase().replace(/\.$/, ''), content, ttl, comment, proxied }
  }
  const fits = (records: readonly DoubleRecord[], record: DoubleRecord): void => {
    const same = records.filter((each) => each.name === record.name && each.id !== record.id)
    if (same.some((each) => each.type === record.type && each.content === record.content))
      throw new Told(400, 81058, 'An identical record already exists.')
    if (record.type !== 'TXT' && same.some((each) => each.type === 'CNAME'))
      throw new Told(400, 81054, 'A CNAME record with that host already exists.')
  }
  const batch = (zone: string, body: { deletes?: { id: string }[]; patches?: (Fields & { id: string })[]; posts?: Fields[] }): void => {
    const draft = [...(zones.get(zone) ?? [])]
    const find = (id: string): number => {
      const at = draft.findIndex((each) => each.id === id)
      if (at < 0) throw new Told(404, 81044, 'Record does not exist.')
      return at
    }
    for (const { id } of body.deletes ?? []) draft.splice(find(id), 1)
    for (const { id, ...fields } of body.patches ?? []) {
      const at = find(id)
      const patched = { ...make({ ...draft[at], ...fields }), id }
      fits(draft, patched)
      draft[at] = patched
    }
    for (const fields of body.posts ?? []) {
      const made = make(fields)
      fits(draft, made)
      draft.push(made)
    }
    zones.set(zone, draft)
  }

  const answer = async (request: IncomingMessage): Promise<{ result: unknown; result_info?: unknown }> => {
    const url = new URL(request.url ?? '/', 'http://double')
    calls.push(`${request.method} ${url.pathname}${url.search}`)
    if (limited.calls > 0) {
      limited = { ...limited, calls: limited.calls - 1 }
      throw new Told(429, 971, 'Please wait and consider throttling your request speed')
    }
    if (request.headers.authorization !== `Bearer ${token}`) throw new Told(403, 9109, 'Invalid access token')
    const [, , id = '', , tail] = url.pathname.split('/')
    if (id === '') {
      const named = [...ids].filter(([, name]) => name === url.searchParams.get('name'))
      return { result: named.map(([zoneId, name]) => ({ id: zoneId, name, permissions: ['#dns_records:edit', '#dns_records:read'] })) }
    }
    const zone = ids.get(id)
    if (zone === undefined) throw new Told(404, 7003, `Could not route to /zones/${id}, perhaps your object identifier is invalid?`)
    if (url.pathname.split('/').length === 3) return { result: { id, name: zone, permissions: ['#dns_records:edit'] } }
    if (tail === 'batch' && request.method === 'POST') {
      batch(zone, JSON.parse(await textOf(request)) as Parameters<typeof batch>[1])
      return { result: {} }
    }
    const wanted = (zones.get(zone) ?? []).filter(
      (each) =>
        each.name === (url.searchParams.get('name.exact') ?? each.name) && each.type === (url.searchParams.get('type') ?? each.type),
    )
    const [perPage, page] = [Number(url.searchParams.get('per_page') ?? 100), Number(url.searchParams.get('page') ?? 1)]
    return {
      result: wanted.slice((page - 1) * perPage, page * perPage),
      result_info: { page, per_page: perPage, total_pages: Math.ceil(wanted.length / perPage) },
    }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (told) => send(response, 200, { success: true, errors: [], messages: [], ...told }),
      (fault: unknown) => {
        const told = fault instanceof Told ? fault : new Told(500, 0, String(fault))
        if (told.status === 429) response.setHeader('retry-after', String(limited.retryAfterSeconds))
        send(response, told.status, { success: false, errors: [{ code: told.code, message: told.message }], messages: [], result: null })
      },
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    root: `http://127.0.0.1:${port}`,
    token,
    zones,
    calls,
    idOf: (zone) => [...ids].find(([, name]) => name === zone)?.[0] ?? '',
    put: (zone, fields) => void zones.get(zone)?.push(make(fields)),
    limit: (count, retryAfterSeconds) => {
      limited = { calls: count, retryAfterSeconds }
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
