import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Clock } from '../../ops/clock.ts'
import { HttpApi, type HttpAnswer, jsonOf } from './http-api.ts'
import { dnsMarkOf, ownerIn } from '../marks.ts'
import { fromServer, type Name } from '../names.ts'
import type { Pace } from '../../ops/pace.ts'
import { type DnsChange, DnsFault, type DnsProvider, type Found, type Made, type RecordKey, type ZoneFacts } from './provider.ts'
import { canonicalAddress } from '../reverse.ts'

export interface CloudflareOptions {
  readonly zone: Name
  /** Asked for by the zone's name when absent, which needs the right to list zones. */
  readonly zoneID?: string
  readonly token: string
  /** Comment: each record says whose it is. None: no marks. */
  readonly ownership: 'Comment' | 'None'
  readonly clock: Clock
  /** Shared by everything that uses the token: Cloudflare counts 1,200 calls in five minutes for each user. */
  readonly pace: Pace
  /** The API's root; only tests have another one. */
  readonly root?: string
}

const record = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  content: z.string().optional(),
  ttl: z.number(),
  comment: z.string().nullish(),
})
type CfRecord = z.infer<typeof record>
const zoneResult = z.object({ id: z.string(), name: z.string(), permissions: z.array(z.string()).optional() })
const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
  result_info: z.object({ total_pages: z.number().optional() }).nullish(),
})
type Envelope = z.infer<typeof envelope>

/** Up to so many keys are asked for one by one; beyond that the whole zone is read in pages. */
const askedSingly = 10
const pageSize = 1000
/** A batch of the free plan may hold 200 operations (developers.cloudflare.com, "Batch DNS records"). */
const changesInBatch = 50

/** Codes by which Cloudflare says that another record is in the way: 81053 and 81054 around CNAMEs, 81057 and 81058 the same record twice, 81044 gone. */
const takenCodes: ReadonlySet<number> = new Set([81044, 81053, 81054, 81057, 81058])
const credentialCodes: ReadonlySet<number> = new Set([6003, 6111, 9106, 9109, 10000, 10001])
/** 7003 and 7000: no such route, which is how an unknown zone id reads; 1001: invalid zone identifier. */
const zoneCodes: ReadonlySet<number> = new Set([1001, 7000, 7003])

/**
 * The Cloudflare API v4. Records there are single, not sets: ours are known by their comment, one by one, so a stranger's record beside ours
 * stays. One batch is one database transaction.
 */
export class Cloudflare implements DnsProvider {
  readonly kind = 'cloudflare'
  readonly confirms = true
  readonly serialMoves = false
  readonly server: string
  readonly #o: CloudflareOptions
  readonly #http: HttpApi
  #zoneId: string | undefined
  /** The records behind a look: a change is made on exactly those. */
  readonly #behind = new WeakMap<Found, readonly CfRecord[]>()

  constructor(options: CloudflareOptions) {
    this.#o = options
    this.#zoneId = options.zoneID
    this.server = `cloudflare ${createHash('sha256').update(options.token).digest('hex').slice(0, 12)}`
    this.#http = new HttpApi({
      root: options.root ?? 'https://api.cloudflare.com/client/v4',
      headers: { authorization: `Bearer ${options.token}` },
      clock: options.clock,
    })
  }

  async probe(): Promise<ZoneFacts> {
    const answer = await this.#ask('GET', `/zones/${await this.#zone()}`)
    const zone = this.#parsed(zoneResult, answer.result)
    if (zone.name !== this.#o.zone) throw new DnsFault('wrong-zone', `zoneID ${zone.id} is the zone ${zone.name}, not ${this.#o.zone}`)
    const permissions = zone.permissions ?? []
    if (permissions.length > 0 && !permissions.includes('#dns_records:edit'))
      throw new DnsFault('refused', `the token is not allowed to edit DNS records of ${this.#o.zone}; give it Zone - DNS - Edit`)
    await this.#records('?per_page=1')
    return {}
  }

  async look(keys: readonly RecordKey[]): Promise<Found[]> {
    const zone = `/zones/${await this.#zone()}/dns_records`
    const all = keys.length > askedSingly ? await this.#everything() : undefined
    const found: Found[] = []
    for (const key of keys) {
      const query = `?name.exact=${encodeURIComponent(key.name)}&type=${key.type}&per_page=100`
      const records = all ?? this.#parsed(z.array(record), (await this.#ask('GET', `${zone}${query}`)).result)
      found.push(this.#foundIn(records, key))
    }
    return found
  }

  async apply(changes: readonly DnsChange[]): Promise<Made[]> {
    const made: Made[] = []
    for (let at = 0; at < changes.length; at += changesInBatch) made.push(...(await this.#batch(changes.slice(at, at + changesInBatch))))
    return made
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #batch(changes: readonly DnsChange[]): Promise<Made[]> {
    const parts = await Promise.all(changes.map((change) => this.#operations(change)))
    const body = {
      deletes: parts.flatMap((part) => part.deletes),
      patches: parts.flatMap((part) => part.patches),
      posts: parts.flatMap((part) => part.posts),
    }
    if (body.deletes.length + body.patches.length + body.posts.length === 0) return changes.map(() => ({ is: 'done' }))
    const answer = await this.#exchange('POST', `/zones/${await this.#zone()}/dns_records/batch`, body)
    if (answer.told?.success === true) return changes.map(() => ({ is: 'done' }))
    if (changes.length === 1) return [this.#verdictOf(answer)]
    // One transaction, so one bad record held up the others: each on its own then.
    const made: Made[] = []
    for (const change of changes) made.push(...(await this.#batch([change])))
    return made
  }

  /** What turns the records behind the look into those wanted: records that are right stay, others are changed, the rest goes. */
  async #operations({ seen, want, uid }: DnsChange): Promise<{ deletes: object[]; patches: object[]; posts: object[] }> {
    const found = this.#behind.has(seen) ? seen : (await this.look([seen]))[0]
    const behind = (found === undefined ? undefined : this.#behind.get(found)) ?? []
    if (want === undefined) return { deletes: behind.map(({ id }) => ({ id })), patches: [], posts: [] }
    const comment = this.#o.ownership === 'Comment' ? { comment: dnsMarkOf(uid) } : {}
    const full = (content: string): object => ({
      name: want.name,
      type: want.type,
      content,
      ttl: want.ttlSeconds,
      proxied: false,
      ...comment,
    })
    const right = behind.filter((each) => this.#isRight(each, want, comment.comment))
    const missing = want.values.filter((value) => !right.some((each) => valueOf(each) === value))
    const wrong = behind.filter((each) => !right.includes(each))
    return {
      patches: wrong.slice(0, missing.length).map(({ id }, at) => ({ id, ...full(missing[at] ?? '') })),
      deletes: wrong.slice(missing.length).map(({ id }) => ({ id })),
      posts: missing.slice(wrong.length).map(full),
    }
  }

  #isRight(each: CfRecord, want: NonNullable<DnsChange['want']>, comment: string | undefined): boolean {
    return want.values.includes(valueOf(each)) && each.ttl === want.ttlSeconds && (comment === undefined || each.comment === comment)
  }

  #foundIn(records: readonly CfRecord[], key: RecordKey): Found {
    const there = records.filter((each) => each.type === key.type && fromServer(each.name) === key.name)
    const owner =
      this.#o.ownership === 'None' ? undefined : there.map((each) => ownerIn(each.comment ?? '')).find((each) => each !== undefined)
    const behind = owner === undefined ? there : there.filter((each) => ownerIn(each.comment ?? '') === owner)
    const values = behind.map(valueOf).toSorted()
    const found: Found = { ...key, values, ttlSeconds: behind[0]?.ttl ?? 0, ...(owner === undefined ? {} : { owner }) }
    this.#behind.set(found, behind)
    return found
  }

  async #everything(): Promise<CfRecord[]> {
    const all: CfRecord[] = []
    for (let page = 1; ; page++) {
      const { records, pages } = await this.#records(`?per_page=${pageSize}&page=${page}`)
      all.push(...records)
      if (page >= pages) return all
    }
  }

  async #records(query: string): Promise<{ records: CfRecord[]; pages: number }> {
    const answer = await this.#ask('GET', `/zones/${await this.#zone()}/dns_records${query}`)
    return { records: this.#parsed(z.array(record), answer.result), pages: answer.result_info?.total_pages ?? 1 }
  }

  async #zone(): Promise<string> {
    if (this.#zoneId !== undefined) return this.#zoneId
    const answer = await this.#ask('GET', `/zones?name=${encodeURIComponent(this.#o.zone)}`)
    const zone = this.#parsed(z.array(zoneResult), answer.result).find((each) => each.name === this.#o.zone)
    if (zone === undefined)
      throw new DnsFault('wrong-zone', `the token sees no zone ${this.#o.zone}; give it Zone - Zone - Read, or set zoneID`)
    this.#zoneId = zone.id
    return zone.id
  }

  async #exchange(method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ answer: HttpAnswer; told: Envelope | undefined }> {
    await this.#o.pace.turn()
    const answer = await this.#http.exchange(method, path, body)
    const parsed = envelope.safeParse(jsonOf(answer))
    return { answer, told: parsed.success ? parsed.data : undefined }
  }

  async #ask(method: 'GET' | 'POST', path: string): Promise<Envelope> {
    const { answer, told } = await this.#exchange(method, path)
    if (told?.success !== true) throw this.#faultOf(answer, told)
    return told
  }

  #parsed<T>(schema: z.ZodType<T>, result: unknown): T {
    const parsed = schema.safeParse(result)
    if (!parsed.success) throw new DnsFault('server', "Cloudflare's answer is not what its API describes")
    return parsed.data
  }

  #verdictOf({ answer, told }: { answer: HttpAnswer; told: Envelope | undefined }): Made {
    const codes = told?.errors.map((each) => each.code) ?? []
    const recordIsWrong =
      (answer.status === 400 || answer.status === 404 || answer.status === 409) &&
      ![...credentialCodes, ...zoneCodes].some((code) => codes.includes(code))
    if (!recordIsWrong) throw this.#faultOf(answer, told)
    return { is: codes.some((code) => takenCodes.has(code)) ? 'taken' : 'invalid', why: `Cloudflare: ${wordsOf(answer, told)}` }
  }

  #faultOf(answer: HttpAnswer, told: Envelope | undefined): DnsFault {
    const words = wordsOf(answer, told)
    const has = (codes: ReadonlySet<number>): boolean => told?.errors.some((each) => codes.has(each.code)) ?? false
    if (answer.status === 429)
      return new DnsFault('rate-limited', `Cloudflare limits the rate of requests (${words})`, {
        ...(answer.retryAfterSeconds !== undefined && { retryAfterSeconds: answer.retryAfterSeconds }),
      })
    if (answer.status >= 500) return new DnsFault('server', `Cloudflare failed (${words})`)
    if (has(zoneCodes)) return new DnsFault('wrong-zone', `Cloudflare has no zone ${this.#o.zone} under this id (${words})`)
    if (answer.status === 401 || has(credentialCodes))
      return new DnsFault('wrong-key', `Cloudflare does not accept the token for this (${words})`)
    if (answer.status === 403) return new DnsFault('refused', `Cloudflare refused (${words}); the token needs Zone - DNS - Edit`)
    if (answer.status === 404) return new DnsFault('wrong-zone', `Cloudflare has no zone ${this.#o.zone} under this id (${words})`)
    return new DnsFault('invalid', `Cloudflare answered ${words}`)
  }
}

function valueOf(each: CfRecord): string {
  const content = each.content ?? ''
  return each.type === 'PTR' ? fromServer(content) : (canonicalAddress(content) ?? content)
}

function wordsOf(answer: HttpAnswer, told: Envelope | undefined): string {
  const errors = told?.errors.map((each) => `${each.message} [${each.code}]`) ?? []
  return `${answer.status} ${errors.length > 0 ? errors.join('; ') : answer.text.slice(0, 200)}`.replace(/\s+/g, ' ').trim()
}
