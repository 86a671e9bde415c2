/** `pve-operator console`: the only process that shows screens. It has no token but those for consoles, and writes only their status. */
import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { WebSocket } from 'ws'
import { proxmoxClusters, proxmoxVMConsoles, proxmoxVMs } from '../../api/meta.ts'
import type { ProxmoxCluster } from '../../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { ProxmoxVMConsole } from '../../api/proxmoxvmconsole.ts'
import type { EndWord, FromPage, Hello } from '../../console-page/protocol.ts'
import { Caches } from '../../kube/caches.ts'
import { KubeClient } from '../../kube/client.ts'
import { readNow } from '../../kube/look-up.ts'
import type { KubeServer } from '../../kube/config.ts'
import { EventRecorder } from '../../kube/events.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Store } from '../../kube/store.ts'
import { aborted } from '../../ops/abort.ts'
import type { Clock } from '../../ops/clock.ts'
import type { ConsoleMetrics } from '../../ops/console-metrics.ts'
import { about, type Log } from '../../ops/log.ts'
import { parseLink } from '../key.ts'
import { doorOf } from '../login.ts'
import { admit } from './admission.ts'
import { clientAddress } from './client-address.ts'
import { KnockLimit } from './limits.ts'
import { screenLine, terminalLine, type Line, type LineOptions } from './line.ts'
import { PageSession } from './session.ts'
import { lookedAtVM, readMessage } from './reading.ts'

export interface BrokerOptions {
  readonly server: KubeServer
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ConsoleMetrics
  readonly proxies: BlockList
  /** Pages at the same time. */
  readonly mostSessions: number
}

/** Knocks of one address: at once, and in each minute. A page that comes again after a lost network knocks, too. */
const knocks = { burst: 20, perMinute: 20 }
/** A connection that does not say who it is is cut. */
const helloMs = 10_000

/** Everything but the listener; nothing runs until `run`. */
export class Broker {
  readonly #o: BrokerOptions
  readonly #client: KubeClient
  readonly #caches: Caches
  readonly #consoles: Store<ProxmoxVMConsole>
  readonly #vms: Store<ProxmoxVM>
  readonly #clusters: Store<ProxmoxCluster>
  readonly #events: EventRecorder
  readonly #limit: KnockLimit
  readonly #sessions = new Map<PageSession, ProxmoxVMConsole>()
  #isLeaving = false

  constructor(o: BrokerOptions) {
    this.#o = o
    const { clock, log } = o
    this.#client = new KubeClient({ server: o.server, fieldManager: 'pve-operator-console', clock })
    const onProblem = (resource: string, message: string): void => about(log, { part: 'watch' }).warn({ resource }, message)
    this.#caches = new Caches({ client: this.#client, clock, onProblem, isGone: () => false })
    this.#consoles = this.#caches.watch(proxmoxVMConsoles)
    this.#vms = this.#caches.watch(proxmoxVMs, lookedAtVM)
    this.#clusters = this.#caches.watch(proxmoxClusters)
    this.#limit = new KnockLimit({ clock, ...knocks })
    const onEventProblem = (message: string): void => about(log, { part: 'events' }).warn(message)
    this.#events = new EventRecorder({ client: this.#client, component: 'pve.hosting/console', clock, onProblem: onEventProblem })
  }

  get isSynced(): boolean {
    return this.#caches.isSynced
  }

  states(): ReturnType<Caches['states']> {
    return this.#caches.states()
  }

  /** Runs until the signal aborts; then every page is told to come again elsewhere. */
  async run(signal: AbortSignal): Promise<void> {
    const leave = [
      this.#consoles.subscribe(({ key }) => this.#lookAt(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key)),
      this.#vms.subscribe(({ key }) => this.#lookAt(({ metadata, spec }) => `${metadata.namespace}/${spec.vmRef.name}` === key)),
      this.#clusters.subscribe(() => this.#lookAt(() => true)),
    ]
    const watches = this.#caches.run(signal)
    await aborted(signal)
    this.#isLeaving = true
    for (const session of this.#sessions.keys()) session.leave()
    for (const end of leave) end()
    await watches
    await this.#events.flush()
    await this.#client.close()
  }

  /** Whether a page may connect at all; undefined: yes. */
  mayKnock(request: IncomingMessage): { status: number; text: string } | undefined {
    if (this.#isLeaving || !this.isSynced) return { status: 503, text: 'not now' }
    const origin = URL.parse(request.headers.origin ?? '')
    const isOwn = origin !== null && (origin.host === request.headers.host || this.#bases().some((base) => base === origin.origin))
    if (!isOwn) return { status: 403, text: 'another origin' }
    if (this.#limit.allows(clientAddress(request, this.#o.proxies))) return undefined
    this.#o.metrics.opening('limited')
    return { status: 429, text: 'too many connections from this address' }
  }

  #bases(): string[] {
    return this.#clusters.list().flatMap(({ spec }) => URL.parse(spec.console?.url ?? '')?.origin ?? [])
  }

  /** A page is connected; the first thing it says must be who it is. */
  welcome(page: WebSocket, request: IncomingMessage): void {
    const address = clientAddress(request, this.#o.proxies)
    const cancel = this.#o.clock.after(helloMs, () => page.terminate())
    page.on('error', () => page.terminate())
    page.once('close', cancel)
    page.once('message', (data, isBinary) => {
      cancel()
      const hello = isBinary ? undefined : readMessage(data)?.hello
      void this.#admit(page, hello, address)
    })
  }

  async #admit(page: WebSocket, hello: Hello | undefined, address: string): Promise<void> {
    const { metrics, clock, log } = this.#o
    const refuse = (word: EndWord): void => {
      page.send(JSON.stringify({ end: word }))
      page.close(1000)
      page.once(
        'close',
        clock.after(helloMs, () => page.terminate()),
      )
    }
    if (!hello || !parseLink(`${hello.namespace}/${hello.name}/${hello.key}`)) {
      metrics.opening('invalid')
      return refuse('invalid')
    }
    if (this.#sessions.size >= this.#o.mostSessions) {
      metrics.opening('limited')
      return refuse('busy')
    }
    // What the page says meanwhile waits.
    page.pause()
    try {
      const admission = await admit(hello, address, { client: this.#client, clock, vmOf: this.#vmNow, clusterOf: this.#clusterOf })
      if ('end' in admission) {
        metrics.opening(admission.end === 'invalid' ? 'invalid' : 'refused')
        log.info({ console: `${hello.namespace}/${hello.name}`, address, why: admission.end }, 'console request refused')
        return refuse(admission.end)
      }
      this.#begin(page, admission, address)
    } catch (fault) {
      metrics.opening('failed')
      about(log, { part: 'admission' }).warn({ console: `${hello.namespace}/${hello.name}`, err: fault }, 'failed to open a console')
      page.close(1013)
    } finally {
      page.resume()
    }
  }

  #begin(
    page: WebSocket,
    { viewing, vm, key, isFirst }: Exclude<Awaited<ReturnType<typeof admit>>, { end: EndWord }>,
    address: string,
  ): void {
    const { clock, log, metrics } = this.#o
    this.#consoles.put(viewing)
    metrics.opening(isFirst ? 'opened' : 'resumed')
    const of = { vm: keyOf(vm), console: keyOf(viewing), address }
    log.info(of, isFirst ? 'a console was opened' : 'a console was resumed')
    if (isFirst) {
      const told = `Somebody at ${address} looks at the ${viewing.spec.display === 'Serial' ? 'serial port' : 'screen'}, by ProxmoxVMConsole ${viewing.metadata.name}.`
      this.#events.record(vm, 'Normal', 'ConsoleOpened', told, 'OpenConsole')
    }
    const session = new PageSession({
      page,
      viewing,
      clock,
      log,
      metrics,
      consoleNow: () => this.#consoles.get(keyOf(viewing)),
      vmNow: () => this.#vmOf(viewing),
      clusterOf: this.#clusterOf,
      openLine: (now, of, o) => this.#openLine(now, of, o),
      onEnd: () => void this.#sessions.delete(session),
    })
    this.#sessions.set(session, viewing)
    page.on('message', (data, isBinary) => session.hear(isBinary ? (data as Buffer) : (readMessage(data) ?? ({} satisfies FromPage))))
    const { display = 'Screen', readOnly = false } = viewing.spec
    page.send(JSON.stringify({ welcome: { key, display, readOnly, leftMs: Date.parse(viewing.status?.endsAt ?? '') - clock.now() } }))
    session.look()
    if (this.#isLeaving) session.leave()
  }

  async #openLine(vm: ProxmoxVM, viewing: ProxmoxVMConsole, o: Omit<LineOptions, 'wire' | 'clock' | 'readOnly'>): Promise<Line> {
    const cluster = this.#clusterOf(vm)
    if (!cluster) throw new Error(`ProxmoxCluster "${vm.spec.clusterRef.name}" does not exist`)
    const { clock } = this.#o
    const found = await doorOf(cluster, this.#client, clock)
    if ('problem' in found) throw new Error(found.problem)
    const guest = { node: vm.status?.node ?? '', vmid: vm.status?.vmid ?? 0 }
    const isSerial = viewing.spec.display === 'Serial'
    const wire = isSerial ? await found.door.terminal(guest) : await found.door.screen(guest)
    const open = isSerial ? terminalLine : screenLine
    return await open({ ...o, wire, clock, readOnly: viewing.spec.readOnly === true })
  }

  #vmOf = ({ metadata, spec }: ProxmoxVMConsole): ProxmoxVM | undefined => this.#vms.get(`${metadata.namespace}/${spec.vmRef.name}`)
  /** For whether a page is let in: the watch of VMs may be behind that of consoles. */
  #vmNow = async ({ metadata, spec }: ProxmoxVMConsole): Promise<ProxmoxVM | undefined> =>
    await readNow({ client: this.#client, store: this.#vms, resource: proxmoxVMs }, `${metadata.namespace}/${spec.vmRef.name}`)
  #clusterOf = ({ spec }: ProxmoxVM): ProxmoxCluster | undefined => this.#clusters.get(spec.clusterRef.name)

  #lookAt(isIt: (viewing: ProxmoxVMConsole) => boolean): void {
    for (const [session, viewing] of this.#sessions) if (isIt(viewing)) session.look()
  }
}
