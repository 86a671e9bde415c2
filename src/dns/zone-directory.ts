import type { DNSZone } from '../api/dnszone.ts'
import type { Store } from '../kube/store.ts'
import type { DnsProvider } from './providers/provider.ts'
import { ownershipOf } from './providers/providers.ts'
import type { WantedZone } from './records.ts'
import { parseBlock } from './reverse.ts'
import type { Trouble } from './verdict.ts'

/** What the zone's controller has found out. */
export interface ZoneState {
  /** Usable only while there is no trouble. */
  readonly provider?: DnsProvider
  readonly trouble?: Trouble
}

/** A DNSZone and what can be done with it now; neither provider nor trouble means that nobody has looked at it yet. */
export interface LiveZone extends ZoneState {
  readonly object: DNSZone
}

/**
 * The zones by the name of their DNSZone, and those who want to know when one changes. Which zones there are is the store's word, never
 * that of the controllers: right after a start none has been looked at, and no record may be taken for one without a zone because of that.
 */
export class ZoneDirectory {
  readonly #zones: Store<DNSZone>
  readonly #states = new Map<string, ZoneState & { readonly seen: string }>()
  readonly #listeners = new Set<(ref: string) => void>()
  readonly #blames = new Set<(ref: string, fault: Trouble) => void>()

  constructor(zones: Store<DNSZone>) {
    this.#zones = zones
  }

  get(ref: string): LiveZone | undefined {
    const object = this.#zones.get(ref)
    return object === undefined ? undefined : { ...this.#states.get(ref), object }
  }

  list(): LiveZone[] {
    return this.#zones.list().map((object) => ({ ...this.#states.get(object.metadata.name), object }))
  }

  /** `object`: the zone that was looked at. */
  set(object: DNSZone, state: ZoneState): void {
    const { name, uid, generation, deletionTimestamp } = object.metadata
    const before = this.#states.get(name)
    const seen = `${uid} ${generation} ${deletionTimestamp}`
    this.#states.set(name, { ...state, seen })
    const isSame =
      before?.seen === seen && before.trouble?.reason === state.trouble?.reason && before.trouble?.message === state.trouble?.message
    if (!isSame) this.#tell(name)
  }

  remove(ref: string): void {
    this.#states.delete(ref)
    this.#tell(ref)
  }

  /** A worker found the zone unusable: it is left alone until its controller has looked. */
  blame(ref: string, trouble: Trouble): void {
    const state = this.#states.get(ref)
    if (state === undefined || state.trouble !== undefined) return
    this.#states.set(ref, { ...state, trouble })
    for (const listener of this.#blames) listener(ref, trouble)
  }

  onChange(listener: (ref: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onBlame(listener: (ref: string, trouble: Trouble) => void): () => void {
    this.#blames.add(listener)
    return () => this.#blames.delete(listener)
  }

  #tell(ref: string): void {
    for (const listener of this.#listeners) listener(ref)
  }
}

/** A zone as choosing and writing records needs it. */
export function wantedZone(object: DNSZone): WantedZone {
  const { metadata, spec } = object
  const block = spec.cidr === undefined ? undefined : parseBlock(spec.cidr)
  const more = block === undefined ? {} : { block }
  return { ref: metadata.name, zone: spec.zone, ttlSeconds: spec.ttl, marksByTXT: ownershipOf(object) === 'TXT', ...more }
}
