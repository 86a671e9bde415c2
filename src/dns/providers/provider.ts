import type { RecordType } from '../marks.ts'
import type { Name } from '../names.ts'

export interface RecordKey {
  readonly name: Name
  readonly type: RecordType
}

/** Everything a name has of one type. Values are canonical: addresses as RFC 5952 writes them, names without final dot. Sorted, never empty. */
export interface RecordSet extends RecordKey {
  readonly values: readonly string[]
  readonly ttlSeconds: number
}

/** What the server has under one name and type. */
export interface Found extends RecordKey {
  /** Empty when there is no such record. */
  readonly values: readonly string[]
  /** 0 when there is no such record. */
  readonly ttlSeconds: number
  /** The uid the mark names; undefined when there is no mark of this operator. A mark may be there without its record. */
  readonly owner?: string
}

/** One change of one record set, planned on a look. The provider makes it only if what the look saw still holds. */
export interface DnsChange {
  readonly seen: Found
  /** undefined: the record and its mark go. */
  readonly want?: RecordSet
  /** The uid the mark is to name. */
  readonly uid: string
}

/**
 * What became of a change. `taken` (somebody else's record is in the way) and `invalid` (the server finds this record wrong) are the server's
 * decisions about one record, not faults: the others of the same call are made all the same.
 */
export type Made = { readonly is: 'done' } | { readonly is: 'taken' | 'invalid'; readonly why: string }

/** What a probe learns. `serial` only where the server has one; it moves with every change of the zone. */
export interface ZoneFacts {
  readonly serial?: number
}

/** How records are marked as ours. None: no marks; everything under a name we want is taken as ours. */
export type Ownership = 'TXT' | 'Comment' | 'None'

/**
 * The port: one zone on one server. Every method throws DnsFault and nothing else when the server cannot be asked or will not.
 * A provider holds no memory that matters: it may be thrown away and made anew at any time.
 */
export interface DnsProvider {
  /** `powerDNS`, `rfc2136`, `cloudflare`, `externalDNS`: also the label of the metrics. */
  readonly kind: string
  /** What two providers have in common when they write to the same server with the same rights: they take turns. */
  readonly server: string
  /** False where the server never tells whether a record is in force (externalDNS). */
  readonly confirms: boolean
  /** True where every change of the zone moves its serial (RFC 2136 3.6): one question tells then that nothing was changed by hand. */
  readonly serialMoves: boolean
  /** Asks for the zone with the credentials given; throws what is wrong with them, the zone or the clock. Changes nothing. */
  probe(): Promise<ZoneFacts>
  /**
   * One answer for each key, in its order. Not fooled by wildcards: what is synthesised is not there. Where record and mark are read apart, the
   * mark is read first.
   */
  look(keys: readonly RecordKey[]): Promise<Found[]>
  /** One answer for each change, in its order. Each change is atomic: record and mark together or neither. */
  apply(changes: readonly DnsChange[]): Promise<Made[]>
  /** Frees connections. The provider may not be used afterwards. */
  close(): Promise<void>
}

export type FaultKind =
  | 'unreachable' // no answer, or an answer that is not the server's own word
  | 'wrong-key' // the server does not know the key or its secret
  | 'refused' // the server knows us and will not
  | 'wrong-zone' // the server does not serve the zone
  | 'clock-skew' // the signature's time is too far from the server's
  | 'rate-limited'
  | 'invalid' // the server finds the request malformed
  | 'server' // the server failed

/** The server cannot be asked or will not. The message is written for the person who must act, with the server's own words in it. */
export class DnsFault extends Error {
  override readonly name = 'DnsFault'
  readonly kind: FaultKind
  /** When the server says how long to wait. */
  readonly retryAfterSeconds: number | undefined

  constructor(kind: FaultKind, message: string, more: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause })
    this.kind = kind
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}
