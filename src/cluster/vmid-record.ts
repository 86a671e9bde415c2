import { proxmoxClusters } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { KubeClient } from '../kube/client.ts'
import { isConflict } from '../kube/kube-error.ts'
import type { Store } from '../kube/store.ts'
import type { ReservationRecord } from './vmid-allocator.ts'

/** Other writers of the status (nodes, conditions) may be in between this often. */
const tries = 5

/** ProxmoxCluster.status.vmids.reservedUpTo, read from the server and written by compare-and-swap. */
export class VmidRecord implements ReservationRecord {
  readonly #client: KubeClient
  readonly #store: Store<ProxmoxCluster>
  readonly #name: string

  constructor(o: { client: KubeClient; store: Store<ProxmoxCluster>; name: string }) {
    this.#client = o.client
    this.#store = o.store
    this.#name = o.name
  }

  async read(): Promise<number | undefined> {
    return (await this.#object()).status?.vmids?.reservedUpTo
  }

  async write(reservedUpTo: number, expected: number | undefined): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const object = await this.#object()
      const found = object.status?.vmids?.reservedUpTo
      if (found !== expected)
        throw new Error(`VMIDs of ${this.#name} are reserved up to ${found}, not ${expected}: another operator is at work`)
      try {
        const status = { ...object.status, vmids: { reservedUpTo } }
        this.#store.put(await this.#client.replaceStatus(proxmoxClusters, { ...object, status }))
        return
      } catch (fault) {
        if (!isConflict(fault) || attempt === tries) throw fault
      }
    }
  }

  async #object(): Promise<ProxmoxCluster> {
    const object = await this.#client.get(proxmoxClusters, { name: this.#name })
    if (object === undefined) throw new Error(`ProxmoxCluster ${this.#name} is gone`)
    return object
  }
}
