import * as z from 'zod'
import type { Clock } from '../../ops/clock.ts'
import { HttpApi, type HttpAnswer, type HttpTrust, jsonOf } from './http-api.ts'
import { markName, dnsMarkOf, ownerIn, type RecordType } from '../marks.ts'
import { fromServer, type Name } from '../names.ts'
import {
  type DnsChange,
  DnsFault,
  type DnsProvider,
  type Found,
  type Made,
  type Ownership,
  type RecordKey,
  type ZoneFacts,
} from './provider.ts'
import { canonicalAddress } from '../reverse.ts'

export interface PowerDnsOptions {
  readonly zone: Name
  /** The server's root, such as http://127.0.0.1:8081; `/api/v1` is ours to add. */
  readonly url: string
  /** `localhost` on every server that is not behind a proxy for several. */
  readonly serverID: string
  readonly apiKey: string
  readonly ownership: Ownership
  readonly trust?: HttpTrust
  readonly clock: Clock
}

const rrset = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number().optional(),
  records: z.array(z.object({ content: z.string(), disabled: z.boolean().optional() })),
  comments: z.array(z.object({ content: z.string() })).optional(),
})
type RRset = z.infer<typeof rrset>
const zoneAnswer = z.object({ kind: z.string().optional(), serial: z.number().optional(), rrsets: z.array(rrset).optional() })

/** Up to so many names are asked for one by one; beyond that the whole zone is one answer. */
const askedSingly = 8

/** The PowerDNS Authoritative HTTP API (doc.powerdns.com/authoritative/http-api). One PATCH is one transaction. */
export class PowerDns implements DnsProvider {
  readonly kind = 'powerDNS'
  readonly confirms = true
  /** What is changed past the API moves no serial here. */
  readonly serialMoves = false
  readonly server: string
  readonly #o: PowerDnsOptions
  readonly #http: HttpApi
  readonly #path: string

  constructor(options: PowerDnsOptions) {
    const root = options.url.replace(/\/+$/, '')
    this.#o = options
    this.server = `powerDNS ${root} ${options.serverID}`
    this.#path = `/servers/${encodeURIComponent(options.serverID)}`
    this.#http = new HttpApi({
      root: `${root}/api/v1`,
      headers: { 'X-API-Key': options.apiKey },
      clock: options.clock,
      ...(options.trust === undefined ? {} : { trust: options.trust }),
    })
  }

  async probe(): Promise<ZoneFacts> {
    const answer = await this.#http.exchange('GET', `${this.#zonePath()}?rrsets=false`)
    if (answer.status === 404) throw await this.#notFound()
    const zone = this.#zoneIn(answer)
    if (zone.kind === 'Slave' || zone.kind === 'Secondary')
      throw new DnsFault('wrong-zone', `${this.#o.zone} is a secondary zone on this server; name its primary in url`)
    return zone.serial === undefined ? {} : { serial: zone.serial }
  }

  async look(keys: readonly RecordKey[]): Promise<Found[]> {
    const rrsets = await this.#read(keys)
    return keys.map((key) => this.#foundIn(rrsets, key))
  }

  async apply(changes: readonly DnsChange[]): Promise<Made[]> {
    const answer = await this.#patch(changes)
    if (answer.status === 204) return changes.map(() => ({ is: 'done' }))
    if (changes.length === 1) return [this.#verdictOf(answer)]
    // The PATCH is atomic, so one bad record held up the others: each on its own then.
    const made: Made[] = []
    for (const change of changes) {
      const single = await this.#patch([change])
      made.push(single.status === 204 ? { is: 'done' } : this.#verdictOf(single))
    }
    return made
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  /** The server's ids have every other character as `=` and two hex digits (`64=2F26.100…`). */
  #zonePath(): string {
    const id = `${this.#o.zone}.`.replace(/[^A-Za-z0-9._-]/g, (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
    return `${this.#path}/zones/${id}`
  }

  async #read(keys: readonly RecordKey[]): Promise<Map<string, RRset>> {
    const marks = this.#o.ownership === 'TXT' ? keys.map(markName) : []
    // Marks first: a pair that goes between two questions must look like another's, never like one nobody has marked.
    const names = [...new Set([...marks, ...keys.map((key) => key.name)])]
    const queries = names.length > askedSingly ? ['?rrsets=true'] : names.map((name) => `?rrset_name=${encodeURIComponent(`${name}.`)}`)
    const found = new Map<string, RRset>()
    for (const query of queries) {
      const zone = this.#zoneIn(await this.#http.exchange('GET', `${this.#zonePath()}${query}`))
      // The filter lets record sets of other names through when they have comments (seen on 4.7.3): with no records then, so those are skipped.
      for (const each of zone.rrsets ?? []) if (each.records.length > 0) found.set(`${each.type} ${fromServer(each.name)}`, each)
    }
    return found
  }

  #foundIn(rrsets: ReadonlyMap<string, RRset>, key: RecordKey): Found {
    const own = rrsets.get(`${key.type} ${key.name}`)
    const owner = this.#markTexts(rrsets, key, own)
      .map(ownerIn)
      .find((each) => each !== undefined)
    // Disabled records are not served. Ours were disabled by hand and come back; a stranger's are the stranger's all the same.
    const records = own?.records.filter((each) => owner === undefined || each.disabled !== true) ?? []
    const values = records.map((each) => valueIn(key.type, each.content)).toSorted()
    return { ...key, values, ttlSeconds: values.length > 0 ? (own?.ttl ?? 0) : 0, ...(owner === undefined ? {} : { owner }) }
  }

  #markTexts(rrsets: ReadonlyMap<string, RRset>, key: RecordKey, own: RRset | undefined): string[] {
    if (this.#o.ownership === 'Comment') return own?.comments?.map((each) => each.content) ?? []
    if (this.#o.ownership === 'None') return []
    return rrsets.get(`TXT ${markName(key)}`)?.records.map((each) => each.content.replace(/^"(.*)"$/, '$1')) ?? []
  }

  #patch(changes: readonly DnsChange[]): Promise<HttpAnswer> {
    return this.#http.exchange('PATCH', this.#zonePath(), { rrsets: changes.flatMap((change) => this.#rrsetsOf(change)) })
  }

  #rrsetsOf({ seen, want, uid }: DnsChange): object[] {
    const marked = this.#o.ownership
    const name = `${seen.name}.`
    const mark = `${markName(seen)}.`
    if (want === undefined) {
      const removals = [{ name, type: seen.type, changetype: 'DELETE' }]
      return marked === 'TXT' ? [...removals, { name: mark, type: 'TXT', changetype: 'DELETE' }] : removals
    }
    const records = want.values.map((value) => ({ content: want.type === 'PTR' ? `${value}.` : value, disabled: false }))
    const comments = marked === 'Comment' ? { comments: [{ content: dnsMarkOf(uid), account: 'pve-operator' }] } : {}
    const main = { name, type: want.type, ttl: want.ttlSeconds, changetype: 'REPLACE', records, ...comments }
    if (marked !== 'TXT') return [main]
    const text = [{ content: `"${dnsMarkOf(uid)}"`, disabled: false }]
    return [main, { name: mark, type: 'TXT', ttl: want.ttlSeconds, changetype: 'REPLACE', records: text }]
  }

  #verdictOf(answer: HttpAnswer): Made {
    if (answer.status !== 422) throw this.#faultOf(answer)
    const why = wordsOf(answer)
    return { is: /conflicts with/i.test(why) ? 'taken' : 'invalid', why: `PowerDNS: ${why}` }
  }

  #zoneIn(answer: HttpAnswer): z.infer<typeof zoneAnswer> {
    if (answer.status !== 200) throw this.#faultOf(answer)
    const parsed = zoneAnswer.safeParse(jsonOf(answer))
    if (!parsed.success) throw new DnsFault('server', `${this.#o.url} answers, but not as PowerDNS does`)
    return parsed.data
  }

  /** 404 may be the zone or the server id; the message must say which. */
  async #notFound(): Promise<DnsFault> {
    const server = await this.#http.exchange('GET', this.#path)
    if (server.status === 200) return this.#faultOf({ status: 404, text: '' })
    return server.status === 404
      ? new DnsFault('wrong-zone', `PowerDNS has no server "${this.#o.serverID}" at ${this.#o.url}`)
      : this.#faultOf(server)
  }

  #faultOf(answer: HttpAnswer): DnsFault {
    const words = `${answer.status} ${wordsOf(answer)}`.trim()
    const more = answer.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: answer.retryAfterSeconds }
    if (answer.status === 401) return new DnsFault('wrong-key', `PowerDNS does not accept the API key (${words})`)
    if (answer.status === 403) return new DnsFault('refused', `PowerDNS refused (${words}); see webserver-allow-from`)
    if (answer.status === 404) return new DnsFault('wrong-zone', `PowerDNS server "${this.#o.serverID}" has no zone ${this.#o.zone}`)
    if (answer.status === 429) return new DnsFault('rate-limited', `PowerDNS limits the rate of requests (${words})`, more)
    return new DnsFault(answer.status >= 500 ? 'server' : 'invalid', `PowerDNS answered ${words}`, more)
  }
}

function valueIn(type: RecordType, content: string): string {
  return type === 'PTR' ? fromServer(content) : (canonicalAddress(content) ?? content)
}

const errorAnswer = z.object({ error: z.string() })

/** PowerDNS's own words: `{"error": "…"}`, or plain text. One line, and short enough for a condition. */
function wordsOf(answer: HttpAnswer): string {
  const parsed = errorAnswer.safeParse(jsonOf(answer))
  return (parsed.success ? parsed.data.error : answer.text).replace(/\s+/g, ' ').trim().slice(0, 300)
}
