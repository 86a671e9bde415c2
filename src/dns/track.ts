import type { DNSZone } from '../api/dnszone.ts'
import type { Namespace } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import { DnsController, type SyncReport } from './controller.ts'
import type { DnsProvider } from './providers/provider.ts'
import { Providers } from './providers/providers.ts'
import { type DnsOperation, RecordSync } from './sync.ts'
import { ZoneController } from './zone-controller.ts'
import { ZoneDirectory } from './zone-directory.ts'
import { ZoneRecords } from './zone-records.ts'

export interface DnsTrackOptions {
  readonly client: KubeClient
  readonly vms: Store<ProxmoxVM>
  readonly zones: Store<DNSZone>
  readonly namespaces: Store<Namespace>
  readonly events: Pick<EventRecorder, 'record'>
  readonly clock: Clock
  readonly random?: () => number
  /** Whether this process may still act; asked before each write to a DNS server. */
  readonly mayAct?: () => boolean
  /** The records of a deleted VM stay until `release` is called for it: its deletion may be held up. */
  readonly waitsForRelease?: boolean
  readonly observe?: (operation: DnsOperation) => void
  /** How long a VM waited from the wish to the record, in seconds. */
  readonly observeLag?: (seconds: number) => void
  /** A pass over a zone or VM failed and is tried again. */
  readonly onFault?: (of: string, fault: unknown) => void
  /** Only tests are in such a hurry, or put something round a provider. */
  readonly tuning?: {
    readonly releaseSeconds?: number
    readonly probeSeconds?: number
    readonly auditSeconds?: number
    readonly around?: (provider: DnsProvider) => DnsProvider
  }
}

/**
 * DNS as a whole: zones and the records of VMs in them. It reads ProxmoxVMs and writes to them only status.dns and the condition DNSSynced,
 * by server-side apply under a field manager of its own; everybody else passes these through.
 */
export class DnsTrack {
  readonly vmQueue: WorkQueue
  readonly zoneQueue: WorkQueue
  readonly #records: DnsController
  readonly #zones: ZoneController

  /** Declares indexes: construct it before the reflectors run. */
  constructor(o: DnsTrackOptions) {
    const { client, vms, zones, namespaces, events, clock, tuning = {} } = o
    const queueOf = (what: string): WorkQueue =>
      new WorkQueue({
        clock,
        ...(o.random && { random: o.random }),
        onFault: (key, fault) => o.onFault?.(`${what} ${key}`, fault),
      })
    this.vmQueue = queueOf('ProxmoxVM')
    this.zoneQueue = queueOf('DNSZone')
    const observe = o.observe === undefined ? {} : { observe: o.observe }
    const directory = new ZoneDirectory(zones)
    const records = new ZoneRecords({ client, zones })
    const sync = new RecordSync({ directory, isZone: records.has, clock, ...observe, ...(o.mayAct && { mayAct: o.mayAct }) })
    const common = { client, vms, directory, sync, records, events, clock, ...observe }
    this.#records = new DnsController({
      ...common,
      ...tuning,
      namespaces,
      queue: this.vmQueue,
      ...(o.waitsForRelease !== undefined && { waitsForRelease: o.waitsForRelease }),
      ...(o.observeLag && { observeLag: o.observeLag }),
    })
    const providers = new Providers({ client, clock, ...(tuning.around && { around: tuning.around }) })
    this.#zones = new ZoneController({
      ...common,
      ...tuning,
      zones,
      providers,
      queue: this.zoneQueue,
      force: (key) => this.#records.force(key),
    })
  }

  /** Works until the signal aborts; by the leader only, with synced stores. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#zones.run(signal), this.#records.run(signal)])
  }

  /** The command SetDNSRecords: synchronises `namespace/name` at once and tells how it went. */
  synchronise(key: string): Promise<SyncReport> {
    return this.#records.synchronise(key)
  }

  /** The VM of the deleted object is going: its records may go. */
  release(key: string, uid: string): void {
    this.#records.release(key, uid)
  }

  /** VMs that wait for their records, and how long the first of them has. */
  get lag(): { readonly vms: number; readonly oldestSeconds: number } {
    return this.#records.lag
  }
}
