/** Keeps a ProxmoxCluster and its Secret alive, by a finalizer, while a ProxmoxVM names the cluster. */
import { inUseFinalizer } from '../api/group.ts'
import { proxmoxClusters, secrets } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import type { Store } from '../kube/store.ts'
import { readSecret, secretKeyOf, setFinalizer } from './secret.ts'

/**
 * Object and Secret stay as long as a VM needs them to be taken down, and a Secret as long as any cluster in use names it.
 * True: the object was changed.
 */
export async function guardInUse(
  o: { client: KubeClient; clusters: Store<ProxmoxCluster>; usersOf: (name: string) => ProxmoxVM[] },
  object: ProxmoxCluster,
): Promise<boolean> {
  const { name, finalizers } = object.metadata
  const inUse = o.usersOf(name).length > 0
  if ((finalizers?.includes(inUseFinalizer) === true) === inUse) return false
  const key = secretKeyOf(object)
  const others = o.clusters.list().filter((other) => other.metadata.name !== name && isSameJson(secretKeyOf(other), key))
  const neededElsewhere = others.some((other) => o.usersOf(other.metadata.name).length > 0)
  const secret = await readSecret(o.client, key)
  if (secret !== undefined) await setFinalizer(o.client, secrets, secret, inUse || neededElsewhere)
  const written = await setFinalizer(o.client, proxmoxClusters, object, inUse)
  if (written !== undefined) o.clusters.put(written)
  return written !== undefined
}
