import type { ProxmoxClusterSpec } from '../api/proxmoxcluster.ts'
import type { Clock } from '../ops/clock.ts'
import { Pace } from '../ops/pace.ts'
import type { RequestRate } from '../ops/request-rate.ts'
import { type Observation, PveClient, type PveClientOptions } from '../proxmox/client.ts'
import { BackgroundReading } from './background.ts'
import { unseenWritesOf } from './unseen-writes.ts'
import { NodeBridges } from './bridges.ts'
import { PromisedBytes } from './promised-bytes.ts'
import { CloneSlots } from './clone-slots.ts'
import { CloneTargets } from './clone-targets.ts'
import { Pve } from '../proxmox/endpoints.ts'
import { DeletionBrake, type DeletionLimit } from './deletion-brake.ts'
import type { DeletionRecord } from './deletion-record.ts'
import { type ClusterFacts, isAuditor } from './facts.ts'
import { FirewallSwitch } from './firewall-switch.ts'
import { GuestIndex, type GuestOwners } from './guest-index.ts'
import type { IdentityGuard } from '../proxmox/identity.ts'
import { Inventory } from '../proxmox/inventory.ts'
import { TaskTracker } from '../proxmox/tasks.ts'
import { TouchedGuests } from '../proxmox/touched.ts'
import { ListingDoubt } from './listing-doubt.ts'
import { SeenBackupFiles } from './seen-backup-files.ts'
import { TemplateCatalog } from './templates.ts'
import { type ReservationRecord, VmidAllocator } from './vmid-allocator.ts'

/** One PVE cluster as the engine sees it. It lives as long as its ProxmoxCluster; spec and credentials change inside it. */
export interface PveCluster {
  readonly name: string
  readonly spec: ProxmoxClusterSpec
  readonly pve: Pve
  readonly inventory: Inventory
  readonly tasks: TaskTracker
  /** Guests that somebody else's tasks have changed. */
  readonly touched: Pick<TouchedGuests, 'subscribe'>
  /** Guests that no object has on record. */
  readonly guests: GuestIndex
  /** Whoever reads of this PVE without haste takes a turn here. */
  readonly background: Pick<BackgroundReading, 'add'>
  readonly backupFiles: SeenBackupFiles
  /** The firewall of the whole datacenter. */
  readonly firewall: Pick<FirewallSwitch, 'subscribe'>
  readonly templates: TemplateCatalog
  readonly bridges: NodeBridges
  readonly promised: PromisedBytes
  readonly cloneSlots: CloneSlots
  readonly cloneTargets: CloneTargets
  readonly vmids: VmidAllocator
  readonly deletions: DeletionBrake
  /** Which PVE answers. */
  readonly identity: Pick<IdentityGuard, 'other' | 'fault' | 'subscribe'>
  readonly doubt: ListingDoubt
  /** Undefined until the first preflight succeeded. */
  facts(): ClusterFacts | undefined
  /** The ProxmoxCluster is being deleted: no new VMs. */
  readonly deleting: boolean
  /** Requests that named a guest, by VMID. */
  readonly perGuest: RequestRate
  /** PVE's clock minus ours, to whole seconds. */
  readonly clockSkewMs: number
  /** Turns to write that a VM cannot be seen: a dead node has hundreds. */
  readonly unseenWrites: Pick<Pace, 'reserveMs'>
  /** Turns to look at a VM that waits for what no listing shows. */
  readonly unwatchedLooks: Pick<Pace, 'reserveMs'>
}

export interface ApiToken {
  readonly tokenID: string
  readonly tokenSecret: string
}

/** A PveCluster with its switches, which only the cluster controller holds. */
export class LiveCluster implements PveCluster {
  readonly name: string
  readonly pve: Pve
  readonly inventory: Inventory
  readonly tasks: TaskTracker
  readonly touched: TouchedGuests
  readonly guests: GuestIndex
  readonly background: BackgroundReading
  readonly backupFiles = new SeenBackupFiles()
  readonly firewall: FirewallSwitch
  readonly templates: TemplateCatalog
  readonly bridges: NodeBridges
  readonly promised: PromisedBytes
  readonly cloneSlots: CloneSlots
  readonly cloneTargets: CloneTargets
  readonly vmids: VmidAllocator
  readonly deletions: DeletionBrake
  readonly identity: IdentityGuard
  readonly doubt: ListingDoubt
  readonly unseenWrites: Pace
  readonly unwatchedLooks: Pace
  spec: ProxmoxClusterSpec
  credentials: ApiToken
  deleting = false
  found: ClusterFacts | undefined
  readonly #client: PveClient
  readonly #stop = new AbortController()

  constructor(o: {
    name: string
    spec: ProxmoxClusterSpec
    credentials: ApiToken
    reservations: ReservationRecord
    deletions: { readonly record: DeletionRecord; readonly limit: () => DeletionLimit; readonly onChange?: () => void }
    owners: GuestOwners
    /** What PVE must be; undefined: nothing is on record. */
    identity: string | undefined
    /** VMIDs that must be in its listing. */
    known: () => readonly number[]
    clock: Clock
    observe?: (seen: Observation & { cluster: string }) => void
    /** Throws once this process must change nothing more. */
    mayWrite?: () => void
    /** Gets what those throw who listen to inventory and tasks. */
    onProblem?: (fault: unknown) => void
  }) {
    const { name, clock, observe } = o
    const told = { clock, ...(o.onProblem && { onProblem: o.onProblem }) }
    this.name = name
    this.spec = o.spec
    this.credentials = o.credentials
    this.#client = new PveClient(clientOptions(o.spec, o.credentials), {
      clock,
      ...(o.mayWrite && { mayWrite: o.mayWrite }),
      ...(observe && { observe: (seen: Observation) => observe({ ...seen, cluster: name }) }),
    })
    this.identity = this.#client.identity
    this.identity.expect(o.identity)
    this.pve = new Pve(this.#client)
    this.inventory = new Inventory({ pve: this.pve, ...told })
    this.tasks = new TaskTracker({ pve: this.pve, ...told, hold: () => this.inventory.hold() })
    const { owners, onProblem = () => undefined } = o
    const { pve, inventory } = this
    this.touched = new TouchedGuests({
      pve,
      clock,
      onProblem,
      // While the listing fails PVE is silent, or refuses the token and writes a line into its log each time.
      mayAsk: () => this.inventory.lastFailure === undefined && this.found !== undefined && isAuditor(this.found),
      isBusy: () => this.tasks.open > 0,
      ownToken: () => this.credentials.tokenID,
    })
    this.guests = new GuestIndex({
      pve,
      inventory,
      clock,
      owners,
      range: () => this.spec.vmids,
      isUntagged: () => this.spec.tags === 'None',
      onProblem,
    })
    this.background = new BackgroundReading({
      clock,
      guests: () => inventory.current()?.guests.size ?? 0,
      mayAsk: () => inventory.lastFailure === undefined,
      onProblem,
    })
    this.background.add(this.guests.background)
    this.firewall = new FirewallSwitch({
      pve,
      clock,
      onProblem,
      known: () => this.found?.firewallEnabled,
      learn: (firewallEnabled) => (this.found = this.found && { ...this.found, firewallEnabled }),
    })
    this.background.add(this.firewall.background)
    this.templates = new TemplateCatalog({ pve: this.pve, clock })
    this.bridges = new NodeBridges({ pve: this.pve, clock })
    this.promised = new PromisedBytes({ pve: this.pve, clock })
    this.cloneSlots = new CloneSlots(o.spec.limits.fullClonesPerNode)
    this.cloneTargets = new CloneTargets(this.pve)
    this.vmids = new VmidAllocator(o.reservations, clock)
    this.doubt = new ListingDoubt({ inventory, known: o.known, clock })
    this.deletions = new DeletionBrake({ ...o.deletions, clock: this.#pveClock(clock) })
    this.unseenWrites = unseenWritesOf(clock)
    this.unwatchedLooks = new Pace({ calls: 1, perSeconds: 1, burst: 10, clock })
  }

  facts(): ClusterFacts | undefined {
    return this.found
  }

  /** What the regular check of the cluster has found. */
  learn(found: ClusterFacts): void {
    const former = this.found
    this.found = found
    if (former && former.firewallEnabled !== found.firewallEnabled) this.firewall.tell()
  }

  get perGuest(): RequestRate {
    return this.#client.perGuest
  }

  get clockSkewMs(): number {
    return this.#client.skewMs
  }

  /** For what is dated in status and read by the next process: the machine's own clock may be set meanwhile. */
  #pveClock(clock: Clock): Clock {
    return {
      now: () => clock.now() + this.clockSkewMs,
      monotonicMs: () => clock.monotonicMs(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      after: (ms, run) => clock.after(ms, run),
    }
  }

  /** Requests now in flight and waiting for a place, for metrics. */
  get requests(): { inFlight: number; waiting: number } {
    return { inFlight: this.#client.inFlight, waiting: this.#client.waiting }
  }

  start(): void {
    const { signal } = this.#stop
    void this.inventory.run(signal)
    void this.tasks.run(signal)
    void this.touched.run(signal)
    void this.guests.run(signal)
    void this.background.run(signal)
  }

  reconfigure(spec: ProxmoxClusterSpec, credentials: ApiToken): void {
    this.spec = spec
    this.credentials = credentials
    this.#client.reconfigure(clientOptions(spec, credentials))
    this.cloneSlots.setLimit(spec.limits.fullClonesPerNode)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.deletions.close()
    await this.#client.close()
  }
}

const clientOptions = (spec: ProxmoxClusterSpec, credentials: ApiToken): PveClientOptions => ({
  endpoints: spec.endpoints,
  tls: spec.tls ?? {},
  requestsInFlight: spec.limits.requests,
  isObserving: spec.mode === 'Observe',
  ...credentials,
})
