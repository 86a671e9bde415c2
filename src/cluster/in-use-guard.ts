/** Keeps a ProxmoxCluster and its Secret alive, by a finalizer, while a ProxmoxVM names the cluster. */
import { inUseFinalizer } from '../api/group.ts'
import { proxmoxClusters, proxmoxVMs, secrets } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import { mostHeldSecrets } from '../api/proxmoxcluster-status.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Key, KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import { KubeError } from '../kube/kube-error.ts'
import { findOne } from '../kube/look-up.ts'
import type { Store } from '../kube/store.ts'
import { readSecret, secretKeyOf, setFinalizer } from './secret.ts'

interface GuardOptions {
  readonly client: KubeClient
  readonly clusters: Store<ProxmoxCluster>
  readonly vms: Store<ProxmoxVM>
  readonly usersOf: (name: string) => ProxmoxVM[]
}

/** Object and Secret stay as long as a VM needs them to be taken down, and a Secret as long as any cluster in use names it. */
export class InUseGuard {
  readonly #o: GuardOptions

  constructor(o: GuardOptions) {
    this.#o = o
  }

  /** True: the object was changed. */
  async look(object: ProxmoxCluster): Promise<boolean> {
    const { name, finalizers } = object.metadata
    const isOn = finalizers?.includes(inUseFinalizer) === true
    const inUse = isOn ? await this.#isInUse(name) : this.#o.usersOf(name).length > 0
    if (await this.#noteSecrets(object, inUse)) return true
    if (isOn === inUse) return false
    await this.#hold(secretKeyOf(object), inUse || (await this.#isNamedInUse(secretKeyOf(object), name)))
    const written = await setFinalizer(this.#o.client, proxmoxClusters, object, inUse)
    if (written !== undefined) this.#o.clusters.put(written)
    return written !== undefined
  }

  /**
   * A Secret is on record before it gets the finalizer, and stays there until it has lost it: one that is no longer named could never be
   * deleted otherwise. True: the object was changed.
   */
  async #noteSecrets(object: ProxmoxCluster, inUse: boolean): Promise<boolean> {
    const { name, resourceVersion } = object.metadata
    const key = secretKeyOf(object)
    const noted = object.status?.heldSecrets ?? []
    const isHeld = inUse || noted.some((each) => isSameJson(each, key))
    const kept: Key[] = []
    for (const each of noted) if (!isSameJson(each, key) && !(await this.#isLetGo(each, name))) kept.push(each)
    const heldSecrets = [...kept, ...(isHeld ? [key] : [])].slice(-mostHeldSecrets)
    if (isSameJson(heldSecrets, noted)) return false
    const patch = { metadata: { resourceVersion }, status: { heldSecrets } }
    const written = await this.#o.client.mergePatch(proxmoxClusters, { name }, patch, { subresource: 'status' })
    this.#o.clusters.put(written)
    // A CRD of an older version drops the field; the operator works without the record then.
    return isSameJson(written.status?.heldSecrets ?? [], heldSecrets)
  }

  /** Takes the finalizer off. False: the operator may not change that Secret, and asks again later. */
  async #isLetGo(former: Key, name: string): Promise<boolean> {
    if (await this.#isNamedInUse(former, name)) return true
    try {
      await this.#hold(former, false)
      return true
    } catch (fault) {
      if (fault instanceof KubeError && fault.status === 403) return false
      throw fault
    }
  }

  async #hold(key: Key, isHeld: boolean): Promise<void> {
    const secret = await readSecret(this.#o.client, key)
    if (secret !== undefined) await setFinalizer(this.#o.client, secrets, secret, isHeld)
  }

  /** By another cluster than this one. */
  async #isNamedInUse(key: Key, besides: string): Promise<boolean> {
    const others = this.#o.clusters.list().filter((other) => other.metadata.name !== besides && isSameJson(secretKeyOf(other), key))
    for (const other of others) if (await this.#isInUse(other.metadata.name)) return true
    return false
  }

  /** Proved before a finalizer is removed: one request where the store has no VM of the cluster. */
  async #isInUse(name: string): Promise<boolean> {
    if (this.#o.usersOf(name).length > 0) return true
    const kind = { client: this.#o.client, store: this.#o.vms, resource: proxmoxVMs }
    return (await findOne(kind, { fieldSelector: `spec.clusterRef.name=${name}` })) !== undefined
  }
}
