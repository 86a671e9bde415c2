import type { DNSZone, DNSZoneSpec } from '../../../src/api/dnszone.ts'
import { apiVersion, teardownFinalizer } from '../../../src/api/group.ts'
import { dnsZones, type Namespace, namespaces, proxmoxVMs, secrets } from '../../../src/api/meta.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import type { DnsProvider } from '../../../src/dns/providers/provider.ts'
import { DnsTrack } from '../../../src/dns/track.ts'
import { dnsHolds } from '../../../src/dns/vm-status.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { Store } from '../../../src/kube/store.ts'
import { Reflector } from '../../../src/kube/watch.ts'
import { freshName, freshNamespace, testClient } from '../../support/kube.ts'
import { TestClock } from '../../support/test-clock.ts'
import { until } from '../../support/until.ts'

export interface WorldOptions {
  readonly releaseSeconds?: number
  /** Laid round every provider made: for counting, and for deaths at a certain moment. */
  readonly around?: (provider: DnsProvider) => DnsProvider
}

export interface Told {
  readonly about: string
  readonly reason: string
  readonly message: string
}

/** Both controllers on the real API server, for one namespace and the zones of one label. The test plays the engine. */
export class DnsWorld {
  readonly client: KubeClient
  /** Of the operators. */
  readonly clock = new TestClock()
  readonly namespace: string
  readonly label: string
  readonly events: Told[] = []
  /** Writes of the operator to the API server since the start. */
  writes: string[] = []
  dns!: DnsTrack
  readonly #admin: KubeClient
  readonly #o: WorldOptions
  #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  private constructor(admin: KubeClient, namespace: string, o: WorldOptions) {
    this.#admin = admin
    this.#o = o
    this.namespace = namespace
    this.label = freshName('zones')
    this.client = testClient({
      fieldManager: 'pve-operator',
      onRequest: ({ verb, resource }) => {
        if (verb !== 'GET') this.writes.push(`${verb} ${resource}`)
      },
    })
  }

  static async start(o: WorldOptions = {}): Promise<DnsWorld> {
    const admin = testClient()
    const world = new DnsWorld(admin, await freshNamespace(admin), o)
    await world.run()
    return world
  }

  /** Starts the operator's part; after `die` it is another operator that knows nothing. */
  async run(around = this.#o.around): Promise<void> {
    const { client, namespace } = this
    const { clock } = this
    const vms = new Store<ProxmoxVM>()
    const zones = new Store<DNSZone>()
    const spaces = new Store<Namespace>()
    const events = {
      record: (about: { kind: string; metadata: { name: string } }, _type: string, reason: string, message: string) =>
        void this.events.push({ about: `${about.kind}/${about.metadata.name}`, reason, message }),
    }
    const tuning = { releaseSeconds: this.#o.releaseSeconds ?? 2, probeSeconds: 0.3, auditSeconds: 0.3, ...(around && { around }) }
    this.dns = new DnsTrack({
      client,
      vms,
      zones,
      namespaces: spaces,
      events,
      clock,
      random: () => 0.1,
      tuning,
      onFault: (of, fault) => process.stderr.write(`${of}: ${String(fault)}\n`),
    })
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const reflectors = [
      new Reflector({ client, clock, resource: proxmoxVMs, store: vms, selection: { namespace } }).run(signal),
      new Reflector({ client, clock, resource: dnsZones, store: zones, selection: { labelSelector: `test=${this.label}` } }).run(signal),
      new Reflector({ client, clock, resource: namespaces, store: spaces, selection: { fieldSelector: `metadata.name=${namespace}` } }).run(
        signal,
      ),
    ]
    await Promise.all([vms.synced, zones.synced, spaces.synced])
    this.#running = Promise.all([...reflectors, this.dns.run(signal)])
  }

  /** The operator is dead where it stands, mid-work and all; another one follows. */
  async abandon(): Promise<void> {
    this.#stop.abort()
    this.#running = Promise.resolve()
    await this.run()
  }

  async die(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async stop(): Promise<void> {
    await this.die()
    await Promise.all([this.client.close(), this.#admin.close()])
  }

  async secret(key: string, value: string, name = freshName('secret')): Promise<{ namespace: string; name: string; key: string }> {
    const { namespace } = this
    await this.#admin.apply(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: { [key]: value } })
    return { namespace, name, key }
  }

  async zone(spec: Partial<DNSZoneSpec> & { zone: string }): Promise<string> {
    const name = freshName('zone')
    const object = { apiVersion, kind: 'DNSZone', metadata: { name, labels: { test: this.label } }, spec } as DNSZone
    await this.#admin.create(dnsZones, object)
    return name
  }

  zoneNow = (name: string): Promise<DNSZone | undefined> => this.#admin.get(dnsZones, { name })
  editZone = (name: string, patch: object): Promise<DNSZone> => this.#admin.mergePatch(dnsZones, { name }, patch)
  deleteZone = (name: string): Promise<void> => this.#admin.delete(dnsZones, { name })

  /** A VM as the engine leaves it once names and addresses are chosen. */
  async vm(o: { name?: string; hostname?: string; addresses?: readonly string[]; spec?: Partial<ProxmoxVM['spec']> }): Promise<string> {
    const name = o.name ?? freshName('vm')
    const addresses = (o.addresses ?? []).map((address, at) => ({ name: `a${at}`, address }))
    const spec = {
      clusterRef: { name: 'fra1' },
      template: { name: 'debian-13' },
      packageRef: { name: 'vps-s' },
      addresses: addresses.map((each) => ({ name: each.name, poolRef: { name: 'pool' } })),
      ...o.spec,
    }
    const metadata = { name, namespace: this.namespace, finalizers: [teardownFinalizer] }
    await this.#admin.create(proxmoxVMs, { apiVersion, kind: 'ProxmoxVM', metadata, spec } as unknown as ProxmoxVM)
    await this.status(name, { ...(o.hostname && { hostname: o.hostname }), ...(o.addresses && { addresses: o.addresses }) })
    return name
  }

  /** Writes the status as the engine does: by replacing it on the newest version, with what DNS says passed through. */
  async status(
    name: string,
    o: { hostname?: string; addresses?: readonly string[]; remoteStatus?: string; adoption?: NonNullable<ProxmoxVMStatus['adoption']> },
  ): Promise<void> {
    await until('the status is written', async () => {
      const vm = await this.now(name)
      const addresses = o.addresses?.map((address, at) => {
        const family = address.includes(':') ? ('IPv6' as const) : ('IPv4' as const)
        return { name: `a${at}`, family, address, prefixLength: 24, pool: 'pool' }
      })
      const { addresses: _, ...more } = o
      const status: ProxmoxVMStatus = { ...vm.status, ...more, ...(addresses && { addresses }), localStatus: 'ready' }
      await this.#admin.replaceStatus(proxmoxVMs, { ...vm, status })
      return true
    })
  }

  async now(name: string): Promise<ProxmoxVM> {
    const vm = await this.#admin.get(proxmoxVMs, { namespace: this.namespace, name })
    if (vm === undefined) throw new Error(`${name} is gone`)
    return vm
  }

  edit = (name: string, patch: object): Promise<ProxmoxVM> => this.#admin.mergePatch(proxmoxVMs, { namespace: this.namespace, name }, patch)

  async condition(name: string): Promise<{ status: string; reason: string; message: string } | undefined> {
    const found = (await this.now(name)).status?.conditions?.find((each) => each.type === 'DNSSynced')
    return found && { status: found.status, reason: found.reason, message: found.message }
  }

  async settled(name: string, reason = 'Synced'): Promise<string> {
    let last: unknown
    const look = async (): Promise<string | undefined> => {
      const condition = await this.condition(name)
      last = condition
      return condition?.reason === reason ? condition.message || ' ' : undefined
    }
    return until(`${name} is ${reason}`, look, { describe: () => last })
  }

  /** Takes the VM away with its finalizer, as impatient people do. */
  async force(name: string): Promise<void> {
    await this.edit(name, { metadata: { finalizers: [] } })
    await this.#admin.delete(proxmoxVMs, { namespace: this.namespace, name })
  }

  /** Deletes the VM and plays the end of the engine's teardown: the finalizer goes once DNS lets go. */
  async remove(name: string): Promise<void> {
    await this.#admin.delete(proxmoxVMs, { namespace: this.namespace, name })
    await until(`DNS lets ${name} go`, async () => !dnsHolds(await this.now(name)))
    await this.edit(name, { metadata: { finalizers: [] } })
  }
}
