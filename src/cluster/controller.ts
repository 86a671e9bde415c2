import { inUseFinalizer } from '../api/group.ts'
import { proxmoxClusters, secrets } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import { isConflict } from '../kube/kube-error.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import type { Observation } from '../proxmox/client.ts'
import { type ApiToken, LiveCluster } from './cluster.ts'
import { ClusterDirectory } from './directory.ts'
import { InUseGuard } from './in-use-guard.ts'
import { credentialsOf, isSameToken, readSecret, secretKeyOf, setFinalizer } from './secret.ts'
import { SecretLook } from './secret-look.ts'
import { type ClusterProblem, type ClusterFindings, clusterStatusOf, problemOf } from './verdict.ts'
import { preflight } from './facts.ts'
import { findingsOf } from './findings.ts'
import { type GuestContext, ownersOf, type RecordedGuests } from './guest-owners.ts'
import { type Failure, judge } from '../proxmox/failures.ts'
import { StatusDeletionRecord } from './deletion-record.ts'
import { deletionLimitOf } from './deletion-limit.ts'
import { expectedIdentity, identityToRecord } from './identity-record.ts'
import { knownVmids } from './listing-doubt.ts'
import { VmidRecord } from './vmid-record.ts'

/** While something is wrong, Secret and privileges are looked at again after this long. */
const troubledMs = 60_000
/** Privileges and version of a healthy cluster are looked at again after this long. */
const healthyMs = 300_000
/** Guests come and go in numbers; the node counts in the status follow at most this often. */
const settleMs = 5_000
/** Deletions that wait come in numbers too; how many is told soon, and once. */
const countingMs = 1_000
/** Guests are read one after another; the status tells them together. */
const guestMs = 1_000

/** What the controller remembers of one ProxmoxCluster between passes. */
interface Memory {
  readonly uid: string | undefined
  generation: number | undefined
  credentialsProblem: ClusterProblem | undefined
  failure: Failure | undefined
  checkedAtMs: number
  readonly secret: SecretLook
}

/**
 * Reconciles ProxmoxCluster: makes and reconfigures the live clusters of the directory, checks version, quorum and privileges, writes
 * the status, and keeps object and Secret alive by a finalizer while a ProxmoxVM names the cluster.
 */
export class ClusterController {
  readonly directory = new ClusterDirectory()
  readonly queue: WorkQueue
  readonly #client: KubeClient
  readonly #clusters: Store<ProxmoxCluster>
  readonly #vms: Store<ProxmoxVM>
  readonly #usersOf: (name: string) => ProxmoxVM[]
  readonly #guard: InUseGuard
  readonly #clock: Clock
  readonly #observe: ((seen: Observation & { cluster: string }) => void) | undefined
  readonly #mayWrite: (() => void) | undefined
  readonly #onProblem: ((cluster: string, fault: unknown) => void) | undefined
  readonly #guests: GuestContext
  readonly #recorded: RecordedGuests
  readonly #memories = new Map<string, Memory>()

  constructor(o: {
    client: KubeClient
    clusters: Store<ProxmoxCluster>
    vms: Store<ProxmoxVM>
    recorded: RecordedGuests
    /** Keys are names of ProxmoxClusters. */
    queue: WorkQueue
    clock: Clock
    observe?: (seen: Observation & { cluster: string }) => void
    /** Throws once this process must write nothing more to PVE. */
    mayWrite?: () => void
    /** What the index of guests must be told, and who hears of it. */
    guests: GuestContext
    /** Gets what those throw who listen to a cluster's inventory and tasks. */
    onProblem?: (cluster: string, fault: unknown) => void
  }) {
    this.#client = o.client
    this.#clusters = o.clusters
    this.#vms = o.vms
    this.#clock = o.clock
    this.#observe = o.observe
    this.#mayWrite = o.mayWrite
    this.#onProblem = o.onProblem
    this.#guests = o.guests
    this.#recorded = o.recorded
    this.#usersOf = o.vms.index('users of a ProxmoxCluster', (vm) => [vm.spec.clusterRef.name])
    this.#guard = new InUseGuard({ client: o.client, clusters: o.clusters, vms: o.vms, usersOf: this.#usersOf })
    this.queue = o.queue
  }

  /** Works until the signal aborts. The stores must be synced: an unseen VM would let the finalizers go. */
  async run(signal: AbortSignal): Promise<void> {
    const leave = [
      this.#clusters.subscribe(({ key }) => this.queue.add(key)),
      this.#vms.subscribe(({ old, new: now }) => this.#vmChanged(old, now)),
    ]
    for (const object of this.#clusters.list()) this.queue.add(object.metadata.name)
    await this.queue.run((name) => this.reconcile(name), { workers: 4 }, signal)
    for (const end of leave) end()
    await Promise.all(this.directory.list().map((live) => live.stop()))
  }

  #vmChanged(old: ProxmoxVM | undefined, now: ProxmoxVM | undefined): void {
    const name = now?.spec.clusterRef.name ?? old?.spec.clusterRef.name
    if (name === undefined) return
    if (now === undefined) this.directory.live(name)?.deletions.release(old?.metadata.uid ?? '')
    const protectedAlready = this.#clusters.get(name)?.metadata.finalizers?.includes(inUseFinalizer) === true
    if (now === undefined || (old === undefined && !protectedAlready)) this.queue.add(name)
    else if (old?.status?.node !== now.status?.node) this.queue.addAfter(name, settleMs)
  }

  async reconcile(name: string): Promise<void> {
    const object = this.#clusters.get(name)
    if (object === undefined) return await this.#forget(name)
    try {
      await this.#pass(object)
      this.queue.forget(name)
    } catch (fault) {
      if (!isConflict(fault)) throw fault
      this.queue.addAfter(name, 100) // the store is about to learn what it was
    }
  }

  async #pass(object: ProxmoxCluster): Promise<void> {
    const { name } = object.metadata
    const isLeaving = object.metadata.deletionTimestamp !== undefined
    // The changed object comes back through the store.
    if (await this.#guard.look(object)) return
    const users = this.#usersOf(name)
    if (isLeaving && users.length === 0) return await this.#forget(name)
    const memory = await this.#memoryOf(object)
    if (expectedIdentity(object) !== undefined) this.directory.live(name)?.identity.expect(expectedIdentity(object))
    const isEdited = memory.generation !== object.metadata.generation
    const isDue = isEdited || this.#isStale(name, memory) || (await this.#isSecretChanged(object, memory))
    if (isDue) await this.#check(object, memory, { isEdited, inUse: users.length > 0 })
    const live = this.directory.live(name)
    if (live !== undefined && live.deleting !== isLeaving) {
      live.deleting = isLeaving
      this.directory.tell(name)
    }
    live?.deletions.wake()
    const state = this.#stateOf(object, memory, users)
    this.directory.setProblem(name, problemOf(state))
    await this.#write(object, state)
    this.queue.addAfter(name, memory.secret.pauseMs(this.#isLockedOut(name, memory)))
  }

  async #memoryOf({ metadata: { name, uid } }: ProxmoxCluster): Promise<Memory> {
    const known = this.#memories.get(name)
    if (known?.uid === uid && known !== undefined) return known
    await this.#forget(name)
    const secret = new SecretLook({ client: this.#client, clock: this.#clock })
    const memory: Memory = { uid, generation: undefined, credentialsProblem: undefined, failure: undefined, checkedAtMs: 0, secret }
    this.#memories.set(name, memory)
    return memory
  }

  async #forget(name: string): Promise<void> {
    const live = this.directory.live(name)
    this.directory.remove(name)
    this.#memories.delete(name)
    await live?.stop()
  }

  #isTroubled(name: string, memory: Memory): boolean {
    const live = this.directory.live(name)
    const wrong = memory.credentialsProblem !== undefined || memory.failure !== undefined || live?.inventory.lastFailure !== undefined
    return wrong || (live?.found?.missingPrivileges.length ?? 0) > 0 || live?.found?.quorate === false
  }

  #pauseMs = (name: string, memory: Memory): number => (this.#isTroubled(name, memory) ? troubledMs : healthyMs)

  /** PVE refuses the token, or the Secret has none: only then the Secret is read again and again, since Secrets are not watched. */
  #isLockedOut(name: string, { credentialsProblem, failure }: Memory): boolean {
    const refused = failure ?? this.directory.live(name)?.inventory.lastFailure
    return credentialsProblem !== undefined || refused?.reason === 'Unauthorized'
  }

  /** PVE is asked only once the Secret has changed: each refused login is a line in its log. */
  async #isSecretChanged(object: ProxmoxCluster, memory: Memory): Promise<boolean> {
    const { name } = object.metadata
    return await memory.secret.hasChanged(object, {
      isLockedOut: this.#isLockedOut(name, memory),
      inUse: this.directory.live(name)?.credentials,
    })
  }

  /** Due again; or the listing fails or works again, which the last check did not know. */
  #isStale(name: string, memory: Memory): boolean {
    const now = this.#clock.monotonicMs()
    if (now - memory.checkedAtMs >= this.#pauseMs(name, memory)) return true
    const listing = this.directory.live(name)?.inventory.lastFailure
    return memory.failure === undefined ? listing?.reason === 'Unauthorized' : listing === undefined
  }

  async #check(object: ProxmoxCluster, memory: Memory, o: { isEdited: boolean; inUse: boolean }): Promise<void> {
    const key = secretKeyOf(object)
    const secret = await readSecret(this.#client, key)
    if (secret !== undefined && o.inUse) await setFinalizer(this.#client, secrets, secret, true)
    const found = credentialsOf(secret, key)
    memory.secret.note(secret)
    memory.checkedAtMs = this.#clock.monotonicMs()
    memory.generation = object.metadata.generation
    memory.credentialsProblem = 'problem' in found ? found.problem : undefined
    if ('problem' in found) return
    const live = this.#liveFor(object, found.credentials, o.isEdited)
    try {
      await live.pve.identity()
      live.learn(await preflight(live.pve, { pool: object.spec.pvePool }))
      memory.failure = undefined
      if (live.inventory.current() === undefined || live.inventory.lastFailure !== undefined) await live.inventory.since(memory.checkedAtMs)
      this.#noteIdentity(object, live)
    } catch (fault) {
      memory.failure = judge(fault)
    }
    this.directory.tell(object.metadata.name)
  }

  /** On the first look at a PVE: whether it is the one of the VMs on record. */
  #noteIdentity(object: ProxmoxCluster, live: LiveCluster): void {
    if (expectedIdentity(object) === undefined && live.identity.found) live.identity.expect(this.#identityOf(object, live) ?? '')
  }

  #identityOf(object: ProxmoxCluster, live: LiveCluster): string | undefined {
    const known = this.#knownOf(object.metadata.name)
    return identityToRecord(object, { found: live.identity.found, listing: live.inventory.current(), known })
  }

  #knownOf(name: string): number[] {
    return knownVmids(this.#usersOf(name), (uid) => this.directory.live(name)?.deletions.isGranted(uid) === true)
  }

  #liveFor(object: ProxmoxCluster, credentials: ApiToken, isEdited: boolean): LiveCluster {
    const { spec } = object
    const { name } = object.metadata
    const known = this.directory.live(name)
    if (known !== undefined) {
      if (isEdited || !isSameToken(known.credentials, credentials)) known.reconfigure(spec, credentials)
      return known
    }
    const place = { client: this.#client, store: this.#clusters, name }
    const live = new LiveCluster({
      name,
      spec,
      credentials,
      reservations: new VmidRecord(place),
      deletions: {
        record: new StatusDeletionRecord(place),
        limit: () => deletionLimitOf(this.#clusters.get(name) ?? object, this.#usersOf(name).length),
        onChange: () => this.queue.addAfter(name, countingMs),
      },
      identity: expectedIdentity(object),
      known: () => this.#knownOf(name),
      owners: ownersOf(name, { ...this.#guests, recorded: this.#recorded, clusters: this.#clusters }),
      clock: this.#clock,
      onProblem: (fault) => this.#onProblem?.(name, fault),
      ...(this.#observe && { observe: this.#observe }),
      ...(this.#mayWrite && { mayWrite: this.#mayWrite }),
    })
    live.inventory.subscribe(({ reachability, nodes }) => {
      if (reachability !== undefined || nodes.size > 0) this.queue.add(name)
      else this.queue.addAfter(name, settleMs)
    })
    live.identity.subscribe(() => this.queue.add(name))
    live.guests.subscribe((vmid) => this.#guestChanged(live, vmid))
    live.start()
    this.directory.put(live)
    return live
  }

  #guestChanged({ name, guests }: LiveCluster, vmid: number): void {
    const guest = guests.get(vmid)
    this.#guests.onGuest(name, vmid, guest)
    if (guest?.class === 'foreign' && !this.#guests.isOfConcern(name, guest.addresses)) return
    this.directory.tell(name)
    this.queue.addAfter(name, guestMs)
  }

  #stateOf(object: ProxmoxCluster, { credentialsProblem, failure }: Memory, users: readonly ProxmoxVM[]): ClusterFindings {
    const live = this.directory.live(object.metadata.name)
    return findingsOf({ object, live, users, identity: live && this.#identityOf(object, live), credentialsProblem, failure })
  }

  async #write(object: ProxmoxCluster, state: ClusterFindings): Promise<void> {
    const status = clusterStatusOf(object, state, new Date(this.#clock.now()).toISOString())
    if (isSameJson(status, object.status)) return
    const { unclaimed } = state
    if (unclaimed && unclaimed.unclaimedCount !== (object.status?.unclaimedCount ?? 0)) this.#guests.onUnclaimed(object, unclaimed)
    this.#clusters.put(await this.#client.replaceStatus(proxmoxClusters, { ...object, status }))
  }
}
