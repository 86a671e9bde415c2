/** Keeps a ProxmoxCluster and its Secret alive, by a finalizer, while a ProxmoxVM names the cluster. */
import { inUseFinalizer } from '../api/group.ts'
import { proxmoxClusters, secrets } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Key, KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import type { Store } from '../kube/store.ts'
import { readSecret, secretKeyOf, setFinalizer } from './secret.ts'

interface GuardOptions {
  readonly client: KubeClient
  readonly clusters: Store<ProxmoxCluster>
  readonly usersOf: (name: string) => ProxmoxVM[]
}

/** Object and Secret stay as long as a VM needs them to be taken down, and a Secret as long as any cluster in use names it. */
export class InUseGuard {
  readonly #o: GuardOptions
  /** The Secret each cluster named last. */
  readonly #named = new Map<string, Key>()

  constructor(o: GuardOptions) {
    this.#o = o
  }

  /** True: the object was changed. */
  async look(object: ProxmoxCluster): Promise<boolean> {
    const { name, finalizers } = object.metadata
    await this.#letGoOfFormer(object)
    const inUse = this.#o.usersOf(name).length > 0
    if ((finalizers?.includes(inUseFinalizer) === true) === inUse) return false
    await this.#hold(secretKeyOf(object), inUse || this.#isNamedInUse(secretKeyOf(object), name))
    const written = await setFinalizer(this.#o.client, proxmoxClusters, object, inUse)
    if (written !== undefined) this.#o.clusters.put(written)
    return written !== undefined
  }

  /** The cluster names another Secret now; the one before could never be deleted otherwise. */
  async #letGoOfFormer(object: ProxmoxCluster): Promise<void> {
    const { name } = object.metadata
    const [former, key] = [this.#named.get(name), secretKeyOf(object)]
    if (former && !isSameJson(former, key) && !this.#isNamedInUse(former, name)) await this.#hold(former, false)
    this.#named.set(name, key)
  }

  async #hold(key: Key, isHeld: boolean): Promise<void> {
    const secret = await readSecret(this.#o.client, key)
    if (secret !== undefined) await setFinalizer(this.#o.client, secrets, secret, isHeld)
  }

  /** By another cluster than this one. */
  #isNamedInUse(key: Key, besides: string): boolean {
    const others = this.#o.clusters.list().filter((other) => other.metadata.name !== besides && isSameJson(secretKeyOf(other), key))
    return others.some((other) => this.#o.usersOf(other.metadata.name).length > 0)
  }
}
