import { KubeClient } from './kube/client.ts'
import type { Clock } from './ops/clock.ts'
import { type Log, about } from './ops/log.ts'
import { KindWatch, strippedKind } from './kube/kind-watch.ts'
import {
  proxmoxVMs,
  vmPackages,
  ipPools,
  poolAddresses,
  proxmoxClusters,
  namespaces,
  proxmoxVMCommands,
  dnsZones,
  crdResource,
  type Resource,
} from './api/meta.ts'
import type { KubeObject } from './api/object.ts'
import { Store } from './kube/store.ts'
import { group } from './api/group.ts'
import { Reflector } from './kube/watch.ts'

/** The objects the operator keeps in memory: one store and one watch a kind. */

/** A store for each kind that is worked with, filled by a watch of its own. */
export class WatchedStores {
  readonly #o: { readonly client: KubeClient; readonly clock: Clock; readonly log: Log }
  readonly #stores = new Map<string, { readonly size: number; readonly isSynced: boolean }>()
  readonly #reflectors = new Map<string, { run(signal: AbortSignal): Promise<void>; readonly silentSeconds: number | undefined }>()
  readonly stores
  readonly kinds: KindWatch

  constructor(o: { readonly client: KubeClient; readonly clock: Clock; readonly log: Log }) {
    this.#o = o
    this.stores = {
      vms: this.#watch(proxmoxVMs),
      packages: this.#watch(vmPackages),
      pools: this.#watch(ipPools),
      addresses: this.#watch(poolAddresses),
      clusters: this.#watch(proxmoxClusters),
      namespaces: this.#watch(namespaces),
      commands: this.#watch(proxmoxVMCommands),
      zones: this.#watch(dnsZones),
    }
    this.kinds = new KindWatch({ client: o.client, store: this.#watch(crdResource, strippedKind) })
  }

  /** Watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.run(signal)))
  }

  /** What each watch holds, and how long its server has been silent. */
  caches(): { resource: string; objects: number; synced: boolean; silentSeconds?: number }[] {
    return [...this.#stores].map(([resource, store]) => {
      const silentSeconds = this.#reflectors.get(resource)?.silentSeconds
      return { resource, objects: store.size, synced: store.isSynced, ...(silentSeconds !== undefined && { silentSeconds }) }
    })
  }

  get isSynced(): boolean {
    return [...this.#stores.values()].every((store) => store.isSynced)
  }

  #watch<T extends KubeObject>(resource: Resource<T>, strip?: (object: T) => T): Store<T> {
    const { client, clock, log } = this.#o
    const onProblem = (message: string) => about(log, { part: 'watch' }).warn({ resource: resource.plural }, message)
    const store = new Store<T>({ onProblem })
    const isGone = () => resource.group === group && this.kinds.isGone(resource.plural)
    this.#reflectors.set(resource.plural, new Reflector<T>({ client, resource, store, clock, onProblem, isGone, ...(strip && { strip }) }))
    this.#stores.set(resource.plural, store)
    return store
  }
}
