import { hostname } from 'node:os'
import { group } from './api/group.ts'
import { crdResource, poolAddresses } from './api/meta.ts'
import { CommandCleanUp } from './commands/clean-up.ts'
import { ConsoleController } from './console/controller.ts'
import { DnsTrack } from './dns/track.ts'
import { VMController } from './vm-controller.ts'
import { clusterOfConsole, clusterOfVM, type Stores, watchKinds } from './watched-kinds.ts'
import { InFlightPlacements } from './engine/create/in-flight.ts'
import { Background } from './background.ts'
import { BackupBackground } from './backups/backup-background.ts'
import type { Dependencies } from './engine/dependencies.ts'
import { UsageKeeper } from './usage/usage-keeper.ts'
import { connectWakes, vmIndexes } from './engine/watch/wakes.ts'
import { Caches } from './kube/caches.ts'
import { KubeClient } from './kube/client.ts'
import type { KubeServer } from './kube/config.ts'
import { EventRecorder } from './kube/events.ts'
import { KindWatch, strippedKind } from './kube/kind-watch.ts'
import { Installation } from './kube/installation.ts'
import type { ElectionTimes } from './kube/election-times.ts'
import { LeaderElection } from './kube/leader.ts'
import { WorkQueue } from './kube/queue.ts'
import { aborted } from './ops/abort.ts'
import { Ages, type Clock } from './ops/clock.ts'
import { about, type Log } from './ops/log.ts'
import type { Metrics } from './ops/metrics.ts'
import { ClusterController } from './cluster/controller.ts'
import { RecordedGuests } from './cluster/guest-owners.ts'
import { tellStates } from './state-events.ts'
import { guestContext, type Ipam, makeIpam, makeLister } from './guest-wiring.ts'
import { makeSellableKeeper } from './sale-wiring.ts'

export interface OperatorOptions {
  readonly server: KubeServer
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly random: () => number
  /** Without an election it acts at once. The times are the defaults if absent. */
  readonly leaderElect: boolean
  readonly electionTimes?: ElectionTimes
  readonly leaseNamespace: string
}

/** Passes at the same time, of each cluster. They wait for PVE and the API server, whose own limits apply. */
const workers = 32

/** All the parts of one operator process, connected. Nothing runs until `run`. */
export class Operator {
  readonly #o: OperatorOptions
  readonly client: KubeClient
  readonly queue: WorkQueue
  readonly #clusterQueue: WorkQueue
  readonly #commandQueue: WorkQueue
  readonly #consoleQueue: WorkQueue
  /** The queue of each controller, by the name that metrics give it. */
  readonly queues: readonly { readonly name: string; readonly queue: WorkQueue }[]
  readonly clusters: ClusterController
  readonly ipam: Ipam
  readonly stores: Stores
  readonly dns: DnsTrack
  readonly kinds: KindWatch
  readonly #events: EventRecorder
  readonly #deps: Dependencies
  readonly controller: VMController
  readonly #background: Background
  readonly #backups: BackupBackground
  readonly usage: UsageKeeper
  readonly #indexes
  readonly #commandsOf
  readonly #backupsOf
  readonly #keeping: CommandCleanUp
  readonly #consoles: ConsoleController
  readonly #installation = new Installation()
  readonly #recorded: RecordedGuests
  readonly caches: Caches
  readonly election: LeaderElection | undefined

  constructor(o: OperatorOptions) {
    this.#o = o
    const { clock, log, metrics } = o
    this.client = new KubeClient({
      server: o.server,
      fieldManager: 'pve-operator',
      clock,
      onRequest: (seen) => metrics.kubeRequest(seen),
      onPutOff: (pause) => metrics.kubePutOff(pause),
    })
    const onProblem = (resource: string, message: string) => about(log, { part: 'watch' }).warn({ resource }, message)
    this.caches = new Caches({ client: this.client, clock, onProblem, isGone: (of) => of.group === group && this.kinds.isGone(of.plural) })
    this.stores = watchKinds(this.caches)
    this.kinds = new KindWatch({ client: this.client, store: this.caches.watch(crdResource, strippedKind) })
    this.queue = this.#queueOf((vm, err) => log.error({ vm, err }, 'VM reconcile failed'), clusterOfVM(this.stores))
    this.#clusterQueue = this.#queueOf((cluster, err) => about(log, { cluster }).warn({ err }, 'cluster reconcile failed'), String)
    this.#commandQueue = this.#queueOf((key, err) => log.warn({ err }, `clean-up of command ${key} failed`))
    this.#consoleQueue = this.#queueOf((key, err) => log.warn({ err }, `console ${key} reconcile failed`), clusterOfConsole(this.stores))
    this.#events = new EventRecorder({
      client: this.client,
      component: 'pve.hosting/operator',
      clock,
      onProblem: (message) => about(log, { part: 'events' }).warn(message),
      onDropped: () => metrics.eventDropped(),
    })
    this.#recorded = new RecordedGuests({ client: this.client, vms: this.stores.vms, clock })
    this.ipam = makeIpam({
      client: this.client,
      stores: this.stores,
      clock,
      log,
      wake: (key) => this.queue.add(key),
      recorded: this.#recorded,
      mayFree: async (uid) => await this.#mayFree(uid),
    })
    this.clusters = this.#makeClusters()
    this.#commandsOf = this.stores.commands.index('vm', (command) => [`${command.metadata.namespace}/${command.spec.vmRef.name}`])
    this.#backupsOf = this.stores.backups.index('vm', (backup) => [`${backup.metadata.namespace}/${backup.spec.vmRef.name}`])
    this.#keeping = new CommandCleanUp({ client: this.client, stores: this.stores, queue: this.#commandQueue, finished: new Ages(clock) })
    this.#consoles = this.#makeConsoles()
    this.election = o.leaderElect ? this.#elect() : undefined
    this.dns = this.#makeDns()
    this.#deps = this.#makeRoom()
    this.#indexes = vmIndexes(this.stores.vms)
    this.usage = new UsageKeeper({ deps: this.#deps, vmsOf: this.#indexes.ofCluster, wake: (key) => this.queue.add(key) })
    this.#backups = new BackupBackground({ deps: this.#deps, vmsOf: this.#indexes.ofCluster, wake: (key) => this.queue.add(key) })
    this.controller = new VMController({ deps: this.#deps, queue: this.queue, census: this.#backups.census, usage: this.usage })
    this.#background = this.#makeBackground()
    this.queues = [
      { name: 'proxmoxvm', queue: this.queue },
      { name: 'proxmoxvmcommand', queue: this.#commandQueue },
      { name: 'proxmoxvmconsole', queue: this.#consoleQueue },
      { name: 'ippool', queue: this.ipam.pools.queue },
      { name: 'proxmoxcluster', queue: this.#clusterQueue },
      { name: 'dns', queue: this.dns.vmQueue },
      { name: 'dnszone', queue: this.dns.zoneQueue },
    ]
    for (const { name, queue } of this.queues) queue.measureBy(metrics.queues.meterOf(name))
    this.stores.clusters.subscribe(({ key, new: now }) => {
      if (!now) void metrics.forgetCluster(key)
    })
  }

  /** Runs until the signal aborts; throws LeadershipLost when the Lease could not be kept. */
  async run(signal: AbortSignal): Promise<void> {
    const watches = this.caches.run(signal)
    const lead = (leading: AbortSignal) => this.#lead(leading)
    if (this.election) await this.election.run(lead, signal)
    else await lead(signal)
    await watches
    this.ipam.book.close()
    await this.#events.flush()
    await this.client.close()
  }

  async #lead(signal: AbortSignal): Promise<void> {
    await Promise.race([Promise.all(Object.values(this.stores).map((store) => store.synced)), aborted(signal)])
    await this.#installation.read({ client: this.client, clock: this.#o.clock, signal })
    if (signal.aborted) return
    this.#o.log.info({ part: 'operator' }, 'elected leader; controllers started')
    this.#deps.inFlight.noteAll(this.stores.vms.list())
    const wakes = connectWakes({
      deps: this.#deps,
      queue: this.queue,
      indexes: this.#indexes,
      audit: this.#background.audit,
      askPower: (key) => this.controller.askPower(key),
    })
    const ends = [wakes, tellStates(this.stores, this.#events)]
    await Promise.all([
      this.clusters.run(signal),
      ...this.#makeReporters().map((reporter) => reporter.run(signal)),
      this.ipam.pools.run(signal),
      this.ipam.inUse.run(signal),
      this.#backups.run(signal),
      this.#background.run(signal),
      this.usage.run(signal),
      this.#keeping.run(signal),
      this.#consoles.run(signal),
      this.dns.run(signal),
      this.queue.run((key) => this.controller.reconcile(key), { workers }, signal),
    ])
    ends.forEach((end) => end())
  }

  #makeDns(): DnsTrack {
    const { clock, log, random, metrics } = this.#o
    const { vms, zones, namespaces: spaces } = this.stores
    return new DnsTrack({
      client: this.client,
      vms,
      zones,
      namespaces: spaces,
      events: this.#events,
      clock,
      random,
      mayAct: () => this.election?.mayAct() ?? true,
      waitsForRelease: true,
      observe: (operation) => metrics.dnsOperation(operation),
      observeLag: (seconds) => metrics.dnsSynchronised(seconds),
      onFault: (of, err) => about(log, { part: 'dns' }).warn({ of, err }, 'retrying the reconcile'),
    })
  }

  #queueOf(onFault: (key: string, fault: unknown) => void, groupOf?: (key: string) => string): WorkQueue {
    return new WorkQueue({ clock: this.#o.clock, random: this.#o.random, onFault, groupOf })
  }

  #makeClusters(): ClusterController {
    return new ClusterController({
      client: this.client,
      clusters: this.stores.clusters,
      vms: this.stores.vms,
      queue: this.#clusterQueue,
      recorded: this.#recorded,
      guests: guestContext({ installation: this.#installation, inUse: this.ipam.inUse, events: this.#events }),
      clock: this.#o.clock,
      // what was under way when its cluster was deleted must not bring the series back
      observe: (seen) => {
        if (this.stores.clusters.get(seen.cluster)) this.#o.metrics.pveRequest(seen)
      },
      mayWrite: () => this.#mayAct(),
      onProblem: (cluster, err) => about(this.#o.log, { cluster }).error({ err }, 'a listener failed'),
    })
  }

  /** They write status besides the controllers. */
  #makeReporters(): { run(signal: AbortSignal): Promise<void> }[] {
    const { client, stores } = this
    const { clock, log } = this.#o
    const made = { client, directory: this.clusters.directory, clock, log, mayAct: () => this.#mayAct() }
    const sale = makeSellableKeeper({ ...made, stores, vmsOf: this.#indexes.ofCluster, deps: this.#deps })
    return [makeLister({ ...made, clusters: stores.clusters, recorded: this.#recorded }), sale]
  }

  #makeBackground(): Background {
    const { clock, log } = this.#o
    const made = { census: this.#backups.census, usage: this.usage, controller: this.controller, clusters: this.clusters.directory }
    return new Background({ client: this.client, vms: this.stores.vms, vmsOf: this.#indexes.ofCluster, clock, log, ...made })
  }

  #makeConsoles(): ConsoleController {
    const { client } = this
    const { directory } = this.clusters
    const { consoles, vms, clusters } = this.stores
    return new ConsoleController({ client, consoles, vms, clusters, queue: this.#consoleQueue, directory, clock: this.#o.clock })
  }

  /** Of an address that was deleted by hand, and not with its kind; the question is asked once for each. */
  async #mayFree(uid: string): Promise<boolean> {
    const leaving = await this.kinds.leavingFor(uid, poolAddresses.plural)
    this.kinds.forget(uid)
    return leaving.length === 0 || !(await this.#recorded.isAnyHeld())
  }

  #makeRoom(): Dependencies {
    const { clock, log, random, metrics } = this.#o
    return {
      client: this.client,
      vms: this.stores.vms,
      packages: this.stores.packages,
      pools: this.stores.pools,
      clusterObjects: this.stores.clusters,
      namespaces: this.stores.namespaces,
      commands: this.stores.commands,
      commandsOf: this.#commandsOf,
      snapshots: this.stores.snapshots,
      snapshotsOf: this.stores.snapshots.index('vm', ({ metadata, spec }) => [`${metadata.namespace}/${spec.vmRef.name}`]),
      backups: this.stores.backups,
      backupsOf: this.#backupsOf,
      installation: this.#installation,
      book: this.ipam.book,
      clusters: this.clusters.directory,
      isLiving: this.#recorded.isLiving,
      isGone: this.#recorded.isGone,
      inheritClaims: this.ipam.inheritClaims,
      events: this.#events,
      inFlight: new InFlightPlacements(),
      clock,
      log,
      random,
      mayAct: () => this.#mayAct(),
      observe: metrics,
      kinds: this.kinds,
      releaseDns: (key, uid) => this.dns.release(key, uid),
      synchroniseDns: (key) => this.dns.synchronise(key),
    }
  }

  #mayAct(): void {
    if (this.election && !this.election.mayAct())
      throw new Error('the Lease was not renewed in time: the operator writes nothing until it is')
  }

  #elect(): LeaderElection {
    const identity = `${hostname()}_${process.pid}_${Math.floor(this.#o.random() * 1e9).toString(36)}`
    const { clock, leaseNamespace: namespace, electionTimes, log } = this.#o
    const onProblem = (message: string) => about(log, { part: 'leader' }).warn(message)
    return new LeaderElection({ client: this.client, namespace, name: 'pve-operator', identity, clock, onProblem, ...electionTimes })
  }
}
