import type { DNSZone } from '../api/dnszone.ts'
import type { DnsProvider } from './provider.ts'
import { ownershipOf } from './providers.ts'
import type { WantedZone } from './records.ts'
import { parseBlock } from './reverse.ts'
import type { Trouble } from './verdict.ts'

/** A DNSZone and what can be done with it now. */
export interface LiveZone {
  readonly object: DNSZone
  /** Usable only while there is no trouble. */
  readonly provider?: DnsProvider
  readonly trouble?: Trouble
}

/** The zones by the name of their DNSZone, and those who want to know when one changes. */
export class ZoneDirectory {
  readonly #zones = new Map<string, LiveZone>()
  readonly #listeners = new Set<(ref: string) => void>()
  readonly #blames = new Set<(ref: string, fault: Trouble) => void>()

  get(ref: string): LiveZone | undefined {
    return this.#zones.get(ref)
  }

  list(): LiveZone[] {
    return [...this.#zones.values()]
  }

  set(ref: string, zone: LiveZone): void {
    const before = this.#zones.get(ref)
    this.#zones.set(ref, zone)
    const sameTrouble = before?.trouble?.reason === zone.trouble?.reason && before?.trouble?.message === zone.trouble?.message
    const sameObject =
      before?.object.metadata.generation === zone.object.metadata.generation && before?.object.metadata.uid === zone.object.metadata.uid
    const sameEnd = before?.object.metadata.deletionTimestamp === zone.object.metadata.deletionTimestamp
    if (!sameTrouble || !sameObject || !sameEnd) this.#tell(ref)
  }

  remove(ref: string): void {
    if (this.#zones.delete(ref)) this.#tell(ref)
  }

  /** A worker found the zone unusable: it is left alone until its controller has looked. */
  blame(ref: string, trouble: Trouble): void {
    const zone = this.#zones.get(ref)
    if (zone === undefined || zone.trouble !== undefined) return
    this.#zones.set(ref, { ...zone, trouble })
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
