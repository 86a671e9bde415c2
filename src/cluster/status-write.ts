/** One part of a ProxmoxCluster's status, read from the API server and written between the writes of others. */
import { proxmoxClusters } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import type { KubeClient } from '../kube/client.ts'
import { isConflict } from '../kube/kube-error.ts'
import type { Store } from '../kube/store.ts'

/** Other writers of the status (nodes, conditions) may be in between this often. */
const tries = 5

/** Where the status of one ProxmoxCluster is written. */
export interface StatusPlace {
  readonly client: KubeClient
  readonly store: Store<ProxmoxCluster>
  /** Of the ProxmoxCluster. */
  readonly name: string
}

/** The object as the API server has it now. Throws once it is gone. */
export async function readCluster({ client, name }: StatusPlace): Promise<ProxmoxCluster> {
  const object = await client.get(proxmoxClusters, { name })
  if (object === undefined) throw new Error(`ProxmoxCluster ${name} is gone`)
  return object
}

/** Writes what `change` makes of the newest status; it is asked again after a conflict and may throw to give up. */
export async function writeClusterStatus(
  place: StatusPlace,
  change: (status: ProxmoxClusterStatus) => ProxmoxClusterStatus,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const object = await readCluster(place)
    try {
      place.store.put(await place.client.replaceStatus(proxmoxClusters, { ...object, status: change(object.status ?? {}) }))
      return
    } catch (fault) {
      if (!isConflict(fault) || attempt === tries) throw fault
    }
  }
}
