/** Everything the operator watches in Kubernetes: one store and one reflector a kind. */
import { group } from './api/group.ts'
import {
  crdResource,
  dnsZones,
  ipPools,
  type KubeObject,
  namespaces,
  poolAddresses,
  proxmoxClusters,
  proxmoxVMCommands,
  proxmoxVMs,
  type Resource,
  vmPackages,
} from './api/meta.ts'
import type { KubeClient } from './kube/client.ts'
import { KindWatch, strippedKind } from './kube/kind-watch.ts'
import { Store } from './kube/store.ts'
import { Reflector } from './kube/watch.ts'
import type { Clock } from './ops/clock.ts'
import { about, type Log } from './ops/log.ts'

interface Watch {
  readonly resource: string
  readonly store: { readonly size: number; readonly isSynced: boolean }
  readonly reflector: { run(signal: AbortSignal): Promise<void>; readonly silentSeconds: number | undefined }
}

export class Watches {
  readonly stores
  readonly kinds: KindWatch
  readonly #o: { client: KubeClient; clock: Clock; log: Log }
  readonly #all: Watch[] = []

  constructor(o: { client: KubeClient; clock: Clock; log: Log }) {
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

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map(({ reflector }) => reflector.run(signal)))
  }

  /** What each watch holds, and how long its server has been silent. */
  caches(): { resource: string; objects: number; synced: boolean; silentSeconds?: number }[] {
    return this.#all.map(({ resource, store, reflector: { silentSeconds } }) => ({
      resource,
      objects: store.size,
      synced: store.isSynced,
      ...(silentSeconds !== undefined && { silentSeconds }),
    }))
  }

  get isSynced(): boolean {
    return this.#all.every(({ store }) => store.isSynced)
  }

  #watch<T extends KubeObject>(resource: Resource<T>, strip?: (object: T) => T): Store<T> {
    const { client, clock, log } = this.#o
    const onProblem = (message: string) => about(log, { part: 'watch' }).warn({ resource: resource.plural }, message)
    const store = new Store<T>({ onProblem })
    const isGone = () => resource.group === group && this.kinds.isGone(resource.plural)
    const reflector = new Reflector<T>({ client, resource, store, clock, onProblem, isGone, ...(strip && { strip }) })
    this.#all.push({ resource: resource.plural, store, reflector })
    return store
  }
}
