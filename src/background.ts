/** What is looked at without haste, put together: configurations, agents, backup files and gaps in the traffic of each PVE, and the Secrets of passwords. */
import type { ProxmoxVM } from './api/proxmoxvm.ts'
import type { BackupCensus } from './backups/backup-census.ts'
import type { ClusterDirectory } from './cluster/directory.ts'
import { Audit } from './engine/watch/audit.ts'
import { connectBackground } from './engine/watch/background.ts'
import { GuestRounds } from './engine/watch/guest-rounds.ts'
import { SecretRounds } from './engine/watch/secret-rounds.ts'
import type { KubeClient } from './kube/client.ts'
import type { Store } from './kube/store.ts'
import type { Clock } from './ops/clock.ts'
import { about, type Log } from './ops/log.ts'
import type { UsageKeeper } from './usage/usage-keeper.ts'

export class Background {
  readonly audit: Audit
  readonly #guests: GuestRounds
  readonly #secrets: SecretRounds
  readonly #census: BackupCensus
  readonly #usage: UsageKeeper
  readonly #clusters: ClusterDirectory

  constructor(o: {
    client: KubeClient
    vms: Store<ProxmoxVM>
    /** Those of one cluster. */
    vmsOf: (cluster: string) => readonly ProxmoxVM[]
    clusters: ClusterDirectory
    census: BackupCensus
    usage: UsageKeeper
    clock: Clock
    log: Log
    controller: { audit(key: string, of: 'changed' | 'round'): void; askGuest(key: string): void }
  }) {
    const { client, vms, vmsOf, clock, controller } = o
    this.#census = o.census
    this.#usage = o.usage
    this.#clusters = o.clusters
    this.audit = new Audit({ vms, clock, look: (key, of) => controller.audit(key, of) })
    this.#guests = new GuestRounds({ vms, vmsOf, clock, ask: (key) => controller.askGuest(key) })
    const onFault = (err: unknown) => about(o.log, { part: 'secrets' }).warn({ err }, 'failed to read the Secret of a password; retrying')
    this.#secrets = new SecretRounds({ vms, client, clock, onFault, look: (key) => this.audit.soon(key) })
  }

  async run(signal: AbortSignal): Promise<void> {
    const end = connectBackground(this.#clusters, [
      ({ name }) => this.audit.of(name),
      ({ name }) => this.#guests.of(name),
      (cluster) => this.#census.of(cluster),
      (cluster) => this.#usage.of(cluster),
    ])
    await this.#secrets.run(signal)
    end()
  }
}
