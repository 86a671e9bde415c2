import { proxmoxClusters, proxmoxVMs, secrets, ipPools, poolAddresses, vmPackages, type KubeObject } from '../../src/api/meta.ts'
import type { IPPool } from '../../src/api/ippool.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { createLog } from '../../src/ops/log.ts'
import { Metrics } from '../../src/ops/metrics.ts'
import { Operator } from '../../src/operator.ts'
import { Guest } from '../../src/simulator/guests/guest.ts'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'
import { freshName, freshNamespace, testClient, testServer } from './kube.ts'
import { KubeGate, worldLabel } from './kube-gate.ts'
import { asAdmin, guardPve } from './pve-gate.ts'
import { TestClock } from './test-clock.ts'
import { until, untilOrPast } from './until.ts'
import { Wire } from './wire.ts'

type RunningOperator = Readonly<{ operator: Operator; metrics: Metrics; wire: Wire; stop(): Promise<void> }>

/** A simulated PVE, the real API server and an operator process in this one, with a cluster object, a namespace and names of its own. */
export class TestWorld {
  readonly client: KubeClient
  readonly simulator: Simulator
  readonly cluster: string
  /** Of the operators; the simulator has the system's. */
  readonly clock = new TestClock()
  namespace = ''
  operator: RunningOperator | undefined
  hasMoreClusters = false
  readonly #remains: Promise<void>[] = []

  private constructor(o: { client: KubeClient; simulator: Simulator; cluster: string }) {
    this.client = o.client
    this.simulator = o.simulator
    this.cluster = o.cluster
  }

  /** Simulator with `speed` and a Ready ProxmoxCluster; the operator runs unless `operator: false`. */
  static async start(
    o: SimulatorOptions & {
      operator?: boolean
      vmids?: { from: number; to: number }
      limits?: object
      token?: { id: string; secret: string }
    } = {},
  ): Promise<TestWorld> {
    const {
      operator = true,
      token = { id: 'root@pam!sim', secret: 'sim' },
      vmids = { from: 10_000, to: 19_999 },
      limits,
      ...simulation
    } = o
    const client = testClient()
    const simulator = await startSimulator({ speed: 10, ...simulation })
    const world = new TestWorld({ client, simulator, cluster: freshName('fra') })
    guardPve(simulator, () => world.operator?.wire)
    world.namespace = await freshNamespace(client)
    await client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'token', namespace: world.namespace },
      stringData: { tokenID: token.id, tokenSecret: token.secret },
    })
    await client.create(proxmoxClusters, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxCluster',
      metadata: { name: world.cluster, labels: { [worldLabel]: world.cluster } },
      spec: {
        endpoints: [simulator.url],
        credentialsSecretRef: { namespace: world.namespace, name: 'token' },
        tls: { insecureSkipVerify: true },
        vmids,
        ...limits,
      },
    } as never)
    if (operator) await world.startOperator()
    return world
  }

  /** Starts an operator that sees only this world; it becomes `operator`. */
  async startOperator(o: { leaderElect?: boolean; as?: { user: string; groups: readonly string[] } } = {}): Promise<RunningOperator> {
    const stop = new AbortController()
    const wire = new Wire()
    const gate = await KubeGate.open({ target: { ...testServer(), ...(o.as && { impersonate: o.as }) }, wire, scope: this })
    const metrics = new Metrics({ version: 'test' })
    const operator = new Operator({
      server: gate.server,
      clock: this.clock,
      log: createLog({ level: (process.env.TEST_LOG_LEVEL as 'info') ?? 'silent' }),
      metrics,
      random: Math.random,
      leaderElect: o.leaderElect ?? false,
      leaseNamespace: this.namespace,
    })
    const running = operator.run(stop.signal)
    running.catch(() => undefined)
    const it: RunningOperator = {
      operator,
      metrics,
      wire,
      stop: async () => {
        stop.abort()
        await running.catch((fault: unknown) => {
          if (!wire.isCut) throw fault
        })
        await gate.close()
      },
    }
    this.operator = it
    await until('the caches are synced', () => operator.caches.isSynced)
    return it
  }

  async stopOperator(): Promise<void> {
    await this.operator?.stop()
    this.operator = undefined
  }

  /**
   * As kill -9: from now on nothing that the process does reaches anybody. Resolves when no pass of it is under way any more; what
   * is left of it, such as telling events to nobody, ends beside the next one.
   */
  async killOperator(): Promise<void> {
    const { operator } = this
    if (!operator) return
    operator.wire.cut()
    this.#remains.push(operator.stop())
    await until('no pass is under way', () => operator.operator.queue.running === 0)
    this.operator = undefined
  }

  async stop(): Promise<void> {
    await this.stopOperator()
    await Promise.all(this.#remains)
    await this.simulator.stop()
    await this.client.close()
  }

  /** Time passes, here and in PVE. What PVE has under way takes as long as before. */
  skip(ms: number): void {
    this.simulator.world.clock.turn(ms)
    this.simulator.world.publishAll()
    this.clock.skip(ms)
  }

  /** A VM with valid defaults; `spec` is merged over them. */
  async apply(name: string, spec: object = {}, metadata: object = {}): Promise<ProxmoxVM> {
    return await this.client.create(proxmoxVMs, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVM',
      metadata: { name, namespace: this.namespace, ...metadata },
      spec: {
        clusterRef: { name: this.cluster },
        template: { name: 'debian-13' },
        package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } },
        ...spec,
      },
    } as never)
  }

  /** Declares the VM and waits until it is Ready. */
  async born(name: string, spec: object = {}): Promise<ProxmoxVM> {
    await this.apply(name, spec)
    return await this.untilReady(name)
  }

  async edit(name: string, patch: object): Promise<ProxmoxVM> {
    return await this.client.mergePatch(proxmoxVMs, { namespace: this.namespace, name }, patch)
  }

  /** A pool of a scope of its own world, as other tests use the same documentation networks. */
  async pool(spec: object, name = freshName('pool')): Promise<string> {
    const metadata = { name, labels: { [worldLabel]: this.cluster } }
    const pool = { apiVersion: 'pve.hosting/v1alpha1', kind: 'IPPool', metadata, spec: { scope: this.cluster, ...spec } }
    await this.client.create(ipPools, pool as unknown as IPPool)
    return name
  }

  editPool = (name: string, spec: object) => this.client.mergePatch(ipPools, { name }, { spec })

  async package(spec: object, name = freshName('pkg')): Promise<string> {
    const metadata = { name, labels: { [worldLabel]: this.cluster } }
    await this.client.create(vmPackages, { apiVersion: 'pve.hosting/v1alpha1', kind: 'VMPackage', metadata, spec } as never)
    return name
  }

  async vm(name: string): Promise<ProxmoxVM | undefined> {
    return await this.client.get(proxmoxVMs, { namespace: this.namespace, name })
  }

  condition(vm: ProxmoxVM | undefined, type: string) {
    return vm?.status?.conditions?.find((condition) => condition.type === type)
  }

  async clusterCondition(type: string) {
    const { status } = (await this.client.get(proxmoxClusters, { name: this.cluster })) ?? {}
    return status?.conditions?.find((condition) => condition.type === type)
  }

  /** The VM once `type` has that status and reason, and the pass is over, which sets the next look last; throws with the last status seen. */
  async untilCondition(name: string, type: string, status: 'True' | 'False', reason?: string, seconds = 60): Promise<ProxmoxVM> {
    let last: ProxmoxVM | undefined
    const seen = await until(
      `${name} is ${type}=${status}${reason ? `/${reason}` : ''}`,
      async () => {
        last = await this.vm(name)
        const condition = this.condition(last, type)
        const isCurrent = type !== 'Ready' || status !== 'True' || last?.status?.observedGeneration === last?.metadata.generation
        return isCurrent && condition?.status === status && (reason === undefined || condition.reason === reason) ? last : undefined
      },
      { seconds, describe: () => last?.status },
    )
    await untilOrPast(() => !this.operator?.operator.queue.isRunning(`${this.namespace}/${name}`), 2)
    return seen
  }

  untilReady = (name: string, seconds?: number) => this.untilCondition(name, 'Ready', 'True', undefined, seconds)

  async delete(name: string): Promise<void> {
    await this.client.delete(proxmoxVMs, { namespace: this.namespace, name })
  }

  async untilGone(name: string, seconds = 60): Promise<void> {
    let last: ProxmoxVM | undefined
    await until(
      `${name} is gone`,
      async () => {
        last = await this.vm(name)
        return last === undefined
      },
      { seconds, describe: () => last?.status },
    )
  }

  /** Writes to PVE since the last reset of the log, as `METHOD path`. */
  writes(): string[] {
    return this.requests().filter((line) => !line.startsWith('GET '))
  }

  requests = (): string[] => this.simulator.requests.report().log.map(({ method, path }) => `${method} ${path}`)

  async addresses(pool: string) {
    return (await this.client.list(poolAddresses)).filter((address) => address.spec.poolRef.name === pool)
  }

  /** What an admin does in PVE by hand; see asAdmin. */
  async inPve(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, params: Record<string, string | number> = {}): Promise<unknown> {
    return await asAdmin(this.simulator, method, path, params)
  }

  /** The path of a VM in PVE's API. */
  pathOf(vm: ProxmoxVM): string {
    return `/nodes/${vm.status?.node}/qemu/${vm.status?.vmid}`
  }

  guestOf(vm: ProxmoxVM) {
    const guest = this.simulator.world.guests.get(vm.status?.vmid ?? 0)
    if (!guest) throw new Error(`PVE has no guest ${vm.status?.vmid}`)
    return guest
  }

  /** A backup file of that guest on storage `local` of its node (pve1 once it is gone), as vzdump leaves it. */
  addBackup(vmid: number, madeAtMs: number, o: { isProtected?: boolean } = {}) {
    const stamp = new Date(madeAtMs).toISOString().slice(0, 19).replaceAll('-', '_').replace('T', '-').replaceAll(':', '_')
    return this.simulator.world.storage.add({
      storage: 'local',
      node: this.simulator.world.guests.get(vmid)?.node ?? 'pve1',
      name: `backup/vzdump-qemu-${vmid}-${stamp}.vma.zst`,
      format: 'vma.zst',
      sizeBytes: 1000,
      content: 'backup',
      vmid,
      ctime: Math.floor(madeAtMs / 1000),
      ...(o.isProtected && { isProtected: true }),
    })
  }

  /** Gives the cluster object another token. */
  async login(tokenID: string, tokenSecret: string): Promise<void> {
    await this.client.mergePatch(secrets, { namespace: this.namespace, name: 'token' }, { stringData: { tokenID, tokenSecret } })
    // Secrets are not watched (no privilege to list them), but read again every five minutes.
    this.clock.skip(301_000)
    await until('the privileges of the token are known', () =>
      this.simulator.requests.report().log.some(({ token, path }) => token === tokenID && path === '/access/permissions'),
    )
  }

  /** A guest that is nobody's, at once. */
  addGuest(vmid: number, node: string): void {
    this.simulator.world.guests.set(vmid, new Guest(vmid, node, 'qemu', new Map([['name', 'stranger']])))
  }

  /** Guests that are no templates. */
  guests() {
    return [...this.simulator.world.guests.values()].filter((guest) => !guest.isTemplate)
  }

  get = async <T extends KubeObject>(resource: Parameters<KubeClient['get']>[0], name: string, namespace?: string) =>
    (await this.client.get(resource, { ...(namespace && { namespace }), name })) as T | undefined
}
