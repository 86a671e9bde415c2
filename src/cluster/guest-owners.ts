/** Which living ProxmoxVM has which guest of PVE on record. */
import { teardownFinalizer } from '../api/group.ts'
import { type KubeObject, proxmoxVMs, type Resource } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import { keyOf } from '../kube/keys.ts'
import { findOne, readNow } from '../kube/look-up.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import type { UnclaimedReport } from './unclaimed.ts'
import type { GuestOwners, KnownGuest } from './guest-index.ts'

/** Longer than any listing is used. */
const forgetMs = 600_000

/** Declares indexes: construct it before the reflectors run. */
export class RecordedGuests {
  readonly #o: { readonly client: Pick<KubeClient, 'get' | 'pages'>; readonly vms: Store<ProxmoxVM> }
  readonly #ofUid: (uid: string) => ProxmoxVM[]
  readonly #ofVmid: (clusterAndVmid: string) => ProxmoxVM[]
  readonly #lost = new Map<string, number>()

  constructor(o: { client: Pick<KubeClient, 'get' | 'pages'>; vms: Store<ProxmoxVM>; clock: Clock }) {
    this.#o = o
    this.#ofUid = o.vms.index('uid', ({ metadata }) => (metadata.uid === undefined ? [] : [metadata.uid]))
    this.#ofVmid = o.vms.index('recorded guest', (vm) =>
      vm.status?.vmid === undefined ? [] : [key(vm.spec.clusterRef.name, vm.status.vmid)],
    )
    o.vms.subscribe(({ old, new: now }) => {
      const vmid = old?.status?.vmid
      if (old && vmid !== undefined && now?.status?.vmid !== vmid) this.#lose(key(old.spec.clusterRef.name, vmid), o.clock.monotonicMs())
    })
  }

  isLiving = (uid: string): boolean => this.#ofUid(uid).length > 0

  /**
   * Whether it is proved that no ProxmoxVM has this uid, for whoever is about to take or free what belonged to it: where the store has none, the
   * API server is asked. One request with the name that the object has or had, else one for each 500 objects.
   */
  isGone = async (uid: string, named?: { readonly namespace: string; readonly name: string }): Promise<boolean> => {
    if (this.isLiving(uid)) return false
    if (named) return (await readNow({ ...this.#o, store: this.#o.vms, resource: proxmoxVMs }, keyOf(named)))?.metadata.uid !== uid
    return (await findOne({ client: this.#o.client, resource: onlyMetadata }, {}, ({ metadata }) => metadata.uid === uid)) === undefined
  }

  /** Whether a ProxmoxVM is still to be taken down: then the addresses stay on record, whatever becomes of their kind. */
  async isAnyHeld(): Promise<boolean> {
    const { client, vms } = this.#o
    const isHeld = ({ metadata }: ProxmoxVM): boolean => metadata.finalizers?.includes(teardownFinalizer) === true
    return vms.list().some(isHeld) || (await findOne({ client, store: vms, resource: proxmoxVMs }, {}, isHeld)) !== undefined
  }

  /** The uid of the object of this cluster that has the VMID on record. */
  holderOf(cluster: string, vmid: number): string | undefined {
    return this.#ofVmid(key(cluster, vmid))[0]?.metadata.uid
  }

  /** When the last object with that VMID on record let go of it, by the monotonic clock; 0: not lately. */
  lostMs(cluster: string, vmid: number): number {
    return this.#lost.get(key(cluster, vmid)) ?? 0
  }

  #lose(guest: string, nowMs: number): void {
    for (const [other, atMs] of this.#lost) {
      if (nowMs - atMs < forgetMs) break
      this.#lost.delete(other)
    }
    this.#lost.delete(guest)
    this.#lost.set(guest, nowMs)
  }
}

/** For a search by uid alone: the marks of the first versions do not name their object. */
const onlyMetadata: Resource<KubeObject> = { ...(proxmoxVMs as Resource<KubeObject>), metadataOnly: true }

const key = (cluster: string, vmid: number): string => `${cluster}/${vmid}`

/** What other rooms know of guests, and who hears of them. */
export interface GuestContext {
  /** Which Kubernetes cluster this is. */
  readonly installation: { readonly uid: string }
  /** An address of a pool that serves the cluster is among these. */
  readonly isOfConcern: (cluster: string, addresses: readonly string[]) => boolean
  /** VMIDs of guests whose addresses a former process found in use. */
  readonly remembered: (cluster: string) => readonly number[]
  /** A guest was read, or is gone (undefined). */
  readonly onGuest: (cluster: string, vmid: number, guest: KnownGuest | undefined) => void
  /** The number of guests without an owner in the status has changed. */
  readonly onUnclaimed: (object: ProxmoxCluster, report: UnclaimedReport) => void
}

/** All that the index of one cluster must be told of the objects; asked when it matters, so that it is never older than the stores. */
export function ownersOf(
  cluster: string,
  o: GuestContext & { recorded: RecordedGuests; clusters: Pick<Store<ProxmoxCluster>, 'get'> },
): GuestOwners {
  return {
    isLiving: o.recorded.isLiving,
    get installation() {
      return o.installation.uid
    },
    get former() {
      return o.clusters.get(cluster)?.spec.formerInstallations ?? []
    },
    holderOf: (vmid) => o.recorded.holderOf(cluster, vmid),
    lostMs: (vmid) => o.recorded.lostMs(cluster, vmid),
    isOfConcern: ({ addresses }) => o.isOfConcern(cluster, addresses),
    remembered: () => o.remembered(cluster),
  }
}
