import { type DNSZone, type DNSZoneStatus, mostOrphans, type Orphan } from '../api/dnszone.ts'
import { mostRecords } from '../api/vm-dns.ts'
import { leftOf, type OrphanRecord } from './audit.ts'
import { dnsZones } from '../api/meta.ts'
import { KeyedMutex } from '../ops/keyed-mutex.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import { isOutdated } from '../kube/kube-error.ts'
import { lookUp } from '../kube/look-up.ts'
import type { Store } from '../kube/store.ts'

const tries = 8

/** The status of DNSZones, which two parties write: the controller of the zone, and VMs that leave records behind. */
export class ZoneRecords {
  readonly #client: KubeClient
  readonly #zones: Store<DNSZone>
  readonly #turns = new KeyedMutex()

  constructor(o: { client: KubeClient; zones: Store<DNSZone> }) {
    this.#client = o.client
    this.#zones = o.zones
  }

  /** Changes the newest status by compare-and-swap. False when there is no such zone, or `change` says that it cannot be. */
  change(ref: string, change: (status: DNSZoneStatus, zone: DNSZone) => DNSZoneStatus | undefined): Promise<boolean> {
    return this.#turns.take(ref, async () => {
      let zone = this.#zones.get(ref)
      for (let left = tries; left > 0; left--) {
        if (zone === undefined) return false
        const before = zone.status ?? {}
        const after = change(before, zone)
        if (after === undefined) return false
        if (isSameJson(after, before)) return true
        try {
          this.#zones.put(await this.#client.replaceStatus(dnsZones, { ...zone, status: after }))
          return true
        } catch (fault) {
          if (!isOutdated(fault)) throw fault
          zone = await this.#client.get(dnsZones, { name: ref })
        }
      }
      throw new Error(`DNSZone ${ref} changed at each of ${tries} attempts to write its status`)
    })
  }

  /** Whether there is such a zone, for whoever gives up records for want of one. One request where the store has none. */
  has = async (ref: string): Promise<boolean> =>
    (await lookUp({ client: this.#client, store: this.#zones, resource: dnsZones }, ref)) !== undefined

  /** Puts records on the zone's list of those to be removed: all of them, or none and false when there is no such zone or no room. */
  adopt(ref: string, orphan: Orphan): Promise<boolean> {
    return this.change(ref, (status) => {
      const others = (status.orphans ?? []).filter((each) => each.uid !== orphan.uid)
      const same = status.orphans?.find((each) => each.uid === orphan.uid)
      if (same === undefined && others.length >= mostOrphans) return undefined
      const known = same?.records ?? []
      const fresh = orphan.records.filter((record) => !known.some((each) => each.name === record.name && each.type === record.type))
      const records = [...known, ...fresh]
      if (records.length > mostRecords) return undefined
      return { ...status, orphans: [...others, { ...orphan, since: same?.since ?? orphan.since, records }] }
    })
  }

  /** Takes what is gone off the list. */
  async settle(ref: string, gone: ReadonlySet<OrphanRecord>): Promise<void> {
    await this.change(ref, (status) => ({ ...status, orphans: leftOf(status.orphans ?? [], gone) }))
  }
}
