import type { Clock } from '../../../ops/clock.ts'
import { markName, ownerIn } from '../../marks.ts'
import type { Name } from '../../names.ts'
import { type DnsChange, DnsFault, type DnsProvider, type Found, type Made, type RecordKey, type ZoneFacts } from '../provider.ts'
import { Channel, parseServer, type ServerAddress } from './channel.ts'
import { rcodeName, rcodes, type TypeName, typeCodes } from './codes.ts'
import { readReply, sign, type TsigKey } from './tsig.ts'
import { decodeValue, harmless, isAbsent, isThere, queryMessage, type Update, updateFor, updateMessage } from './update.ts'
import {
  encodeMessage,
  isAuthoritative,
  isTruncated,
  type Message,
  rcodeOf,
  type Received,
  readSerial,
  readText,
  WireError,
} from './wire.ts'

export interface Rfc2136Options {
  readonly zone: Name
  /** As parseServer reads it. */
  readonly server: string
  readonly key: TsigKey
  readonly ownership: 'TXT' | 'None'
  readonly clock: Clock
  /** How long a connection or one answer may take. */
  readonly deadlineMs?: number
}

/**
 * Questions are asked one after the other on a connection: several at once make BIND hold back answers for the acknowledgement of earlier ones
 * (Nagle against delayed ACK: 9 ms a question where one alone takes 0.5 ms). Many keys are shared among a few connections instead.
 */
const keysPerConnection = 50
const mostConnections = 8

/** What a failed prerequisite is answered with (RFC 2136 3.2): the world is not as we saw it. */
const broken: readonly number[] = [rcodes.YXRRSET, rcodes.NXRRSET, rcodes.YXDOMAIN, rcodes.NXDOMAIN]

/**
 * DNS UPDATE with TSIG over TCP. Reads are signed queries to the same server, so that a server with views shows the view the key writes to.
 * Ownership is checked by the server, as a prerequisite inside the update.
 */
export class Rfc2136 implements DnsProvider {
  readonly kind = 'rfc2136'
  readonly confirms = true
  readonly serialMoves = true
  readonly server: string
  readonly #o: Rfc2136Options
  readonly #address: ServerAddress
  readonly #marked: boolean

  constructor(options: Rfc2136Options) {
    const address = parseServer(options.server)
    if (address === undefined)
      throw new DnsFault('invalid', `"${options.server}" is not a valid server; write host, host:port or [IPv6]:port`)
    this.#o = options
    this.#address = address
    this.#marked = options.ownership === 'TXT'
    this.server = `rfc2136 ${address.host}:${address.port}`
  }

  /**
   * Asks for the SOA, then for each type an update that cannot happen: servers judge the right to write a type first, so missing rights show
   * without a change.
   */
  async probe(): Promise<ZoneFacts> {
    return this.#connected(async (channel) => {
      const soa = await this.#query(channel, this.#o.zone, 'SOA')
      const record = soa.answers.find((each) => each.type === typeCodes.SOA && each.name === this.#o.zone)
      if (record === undefined) throw this.#wrongZone('has no SOA record of it')
      const forbidden = await this.#forbidden(channel)
      if (forbidden.length > 0)
        throw new DnsFault(
          'refused',
          `key ${this.#o.key.name} may not write ${forbidden.join(', ')} in ${this.#o.zone} (REFUSED); grant it in the server's policy`,
        )
      return { serial: readSerial(record.data) }
    })
  }

  async look(keys: readonly RecordKey[]): Promise<Found[]> {
    const connections = Math.min(mostConnections, Math.ceil(keys.length / keysPerConnection))
    const found: Found[] = []
    const left = keys.entries()
    const worker = (): Promise<void> =>
      this.#connected(async (channel) => {
        // All workers take from the one iterator.
        for (const [at, key] of left) found[at] = await this.#find(channel, key)
      })
    await Promise.all(Array.from({ length: connections }, worker))
    return found
  }

  /** One message a change, one after the other: PowerDNS with sqlite answers parallel updates with SERVFAIL. */
  async apply(changes: readonly DnsChange[]): Promise<Made[]> {
    return this.#connected(async (channel) => {
      const made: Made[] = []
      for (const change of changes) made.push(await this.#make(channel, change))
      return made
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #connected<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await Channel.open(this.#address, { deadlineMs: this.#o.deadlineMs ?? 10_000, clock: this.#o.clock })
    try {
      return await work(channel)
    } catch (fault) {
      throw fault instanceof WireError
        ? new DnsFault('server', `the reply is not a DNS message: ${fault.message}`, { cause: fault })
        : fault
    } finally {
      channel.close()
    }
  }

  async #exchange(channel: Channel, message: Message): Promise<Received> {
    const nowSeconds = Math.floor(this.#o.clock.now() / 1000)
    const signed = sign(encodeMessage(message), this.#o.key, nowSeconds)
    return readReply(await channel.ask(signed.bytes), this.#o.key, signed.mac, nowSeconds)
  }

  async #query(channel: Channel, name: Name, type: TypeName): Promise<Received> {
    const reply = await this.#exchange(channel, queryMessage(channel.id(), name, typeCodes[type]))
    const rcode = rcodeOf(reply)
    if (rcode === rcodes.REFUSED) throw this.#wrongZone('refuses queries for it (REFUSED)')
    if (rcode !== rcodes.NOERROR && rcode !== rcodes.NXDOMAIN)
      throw new DnsFault('server', `asked for ${name} ${type}, the server answered ${rcodeName(rcode)}`)
    if (!isAuthoritative(reply)) throw this.#wrongZone('answers without authority')
    if (isTruncated(reply)) throw new DnsFault('server', `the answer for ${name} ${type} is truncated although it came over TCP`)
    return reply
  }

  async #find(channel: Channel, key: RecordKey): Promise<Found> {
    // The mark first: a pair that goes between the two questions must look like another's, never like one nobody has marked.
    const mark = this.#marked ? await this.#query(channel, markName(key), 'TXT') : undefined
    const record = await this.#query(channel, key.name, key.type)
    const own = record.answers.filter((each) => each.name === key.name && each.type === typeCodes[key.type])
    const texts = mark?.answers.filter((each) => each.name === markName(key) && each.type === typeCodes.TXT) ?? []
    const owner = texts.map((each) => ownerIn(readText(each.data))).find((each) => each !== undefined)
    // An answer made from a wildcard looks like a record; only an update's prerequisite tells them apart.
    const real =
      own.length > 0 &&
      (owner !== undefined || (await this.#holds(channel, { prerequisites: [isThere(key.name, typeCodes[key.type])], updates: [] })))
    const values = real ? own.map((each) => decodeValue(key.type, each.data)).toSorted() : []
    return { ...key, values, ttlSeconds: real ? (own[0]?.ttlSeconds ?? 0) : 0, ...(owner === undefined ? {} : { owner }) }
  }

  async #make(channel: Channel, change: DnsChange): Promise<Made> {
    const { seen } = change
    if (await this.#holds(channel, updateFor(change, this.#marked))) return { is: 'done' }
    const aliased = !(await this.#holds(channel, { prerequisites: [isAbsent(seen.name, typeCodes.CNAME)], updates: [] }))
    const why = aliased
      ? `${seen.name} is a CNAME, and no other record can have that name`
      : `${seen.type} ${seen.name} or its mark was changed by somebody else at the same time`
    return { is: 'taken', why }
  }

  /** Sends an update; false when a prerequisite does not hold, and then nothing was changed. */
  async #holds(channel: Channel, update: Update): Promise<boolean> {
    const rcode = rcodeOf(await this.#exchange(channel, updateMessage(channel.id(), this.#o.zone, update)))
    if (rcode === rcodes.NOERROR) return true
    if (broken.includes(rcode)) return false
    throw this.#faultOf(rcode)
  }

  #faultOf(rcode: number): DnsFault {
    const word = rcodeName(rcode)
    if (rcode === rcodes.REFUSED)
      return new DnsFault(
        'refused',
        `the policy of the server does not let key ${this.#o.key.name} write this in ${this.#o.zone} (${word})`,
      )
    if (rcode === rcodes.NOTAUTH || rcode === rcodes.NOTZONE) return this.#wrongZone(`accepts no updates for it (${word})`)
    if (rcode === rcodes.NOTIMP || rcode === rcodes.FORMERR)
      return new DnsFault('invalid', `the server does not accept this update (${word})`)
    return new DnsFault('server', `the server failed to carry out an update (${word})`)
  }

  #typesHere(): TypeName[] {
    const reverse = this.#o.zone.endsWith('.arpa')
    return [...(reverse ? (['PTR'] as const) : (['A', 'AAAA'] as const)), ...(this.#marked ? (['TXT'] as const) : [])]
  }

  async #forbidden(channel: Channel): Promise<TypeName[]> {
    const forbidden: TypeName[] = []
    for (const type of this.#typesHere()) {
      const rcode = rcodeOf(await this.#exchange(channel, updateMessage(channel.id(), this.#o.zone, harmless(this.#o.zone, type))))
      if (rcode === rcodes.REFUSED) forbidden.push(type)
      else if (!broken.includes(rcode)) throw this.#faultOf(rcode)
    }
    return forbidden
  }

  #wrongZone(what: string): DnsFault {
    return new DnsFault('wrong-zone', `${this.#address.host} does not serve ${this.#o.zone} to us: it ${what}`)
  }
}
