/** One page that was let in: its screen, its state, and its end. */
import type { WebSocket } from 'ws'
import { addressesInForce } from '../../api/held-addresses.ts'
import type { ProxmoxCluster } from '../../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { ProxmoxVMConsole } from '../../api/proxmoxvmconsole.ts'
import type { EndWord, FromPage, NoPicture, ToPage, VmState } from '../../console-page/protocol.ts'
import { isSameJson } from '../../kube/json.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Clock } from '../../ops/clock.ts'
import type { ConsoleMetrics } from '../../ops/console-metrics.ts'
import type { Log } from '../../ops/log.ts'
import { Pace } from '../../ops/pace.ts'
import { judge } from '../../proxmox/failures.ts'
import { whyOver } from '../verdict.ts'
import { endWordOf } from './admission.ts'
import type { Line, LineOptions } from './line.ts'

export interface SessionOptions {
  readonly page: WebSocket
  readonly viewing: ProxmoxVMConsole
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ConsoleMetrics
  /** As the watches know them now. */
  readonly consoleNow: () => ProxmoxVMConsole | undefined
  readonly vmNow: () => ProxmoxVM | undefined
  readonly clusterOf: (vm: ProxmoxVM) => ProxmoxCluster | undefined
  readonly openLine: (vm: ProxmoxVM, viewing: ProxmoxVMConsole, o: Omit<LineOptions, 'wire' | 'clock' | 'readOnly'>) => Promise<Line>
  /** Once. */
  readonly onEnd: () => void
}

/** A page that is so far behind its screen is waited for; below the second number the guest may draw again. */
const mostWaiting = 2 * 1024 ** 2
const fewWaiting = 512 * 1024
/** A closed connection is cut when the page does not say goodbye. */
const goodbyeMs = 2_000

/** Each is a task of PVE and takes one of a node's hundred ports: so many at once, then one in 5 s. The page itself asks less often. */
const attachments = { burst: 10, calls: 1, perSeconds: 5 }

/** A close code of WebSockets: the page may come again at once, to another broker. */
export const restartCode = 1012

export class PageSession {
  readonly #o: SessionOptions
  readonly #number: number
  readonly #attachments: Pace
  #line: Line | undefined
  #isAttaching = false
  #told: VmState | undefined
  #isOver = false
  #cancelTimer = (): void => undefined

  constructor(o: SessionOptions) {
    this.#o = o
    this.#number = o.viewing.status?.connections ?? 0
    this.#attachments = new Pace({ ...attachments, clock: o.clock })
    o.page.on('close', () => this.#finish('left'))
    o.metrics.sessionBegan()
  }

  /** After a change of anything that it depends on, and when its time may be over. */
  look(): void {
    if (this.#isOver) return
    const { consoleNow, vmNow, clusterOf, clock, viewing } = this.#o
    const now = consoleNow()
    if (now?.metadata.uid !== viewing.metadata.uid || !now) return this.end('closed')
    if ((now.status?.connections ?? 0) > this.#number) return this.end('displaced')
    const vm = vmNow()
    const over = whyOver(now, { vm, cluster: vm && clusterOf(vm), nowMs: clock.now() })
    if (over) return this.end(now.status?.endedAt ? endWordOf(now) : over.word)
    if (vm) this.#tellState(vm)
    this.#cancelTimer()
    const leftMs = Date.parse(now.status?.endsAt ?? '') - clock.now()
    if (leftMs > 0) this.#cancelTimer = clock.after(leftMs, () => this.look())
  }

  /** A text message of the page, or bytes for the guest. */
  hear(data: FromPage | Buffer): void {
    if (this.#isOver) return
    if (Buffer.isBuffer(data)) return this.#toGuest(data)
    if (data.attach) void this.#attach()
    const { columns = 0, rows = 0 } = data.size ?? {}
    const isSize = [columns, rows].every((one) => Number.isInteger(one) && one >= 2 && one <= 1000)
    if (isSize) this.#line?.resize(columns, rows)
  }

  /** Tells the page why, and closes. */
  end(word: EndWord): void {
    if (this.#isOver) return
    this.#say({ end: word })
    this.#finish(word)
    this.#close(1000)
  }

  /** The broker stops; the page comes again by itself. */
  leave(): void {
    this.#finish('restart')
    this.#close(restartCode)
  }

  #finish(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimer()
    this.#dropLine()
    this.#o.metrics.sessionEnded(why)
    const { viewing, log } = this.#o
    log.info(
      { vm: `${viewing.metadata.namespace}/${viewing.spec.vmRef.name}`, console: keyOf(viewing), why },
      'a console page disconnected',
    )
    this.#o.onEnd()
  }

  #close(code: number): void {
    const { page, clock } = this.#o
    page.close(code)
    const cancel = clock.after(goodbyeMs, () => page.terminate())
    page.once('close', cancel)
  }

  #say(message: ToPage): void {
    const { page } = this.#o
    if (page.readyState === page.OPEN) page.send(JSON.stringify(message))
  }

  #tellState(vm: ProxmoxVM): void {
    const state = stateOf(vm)
    if (isSameJson(state, this.#told)) return
    this.#told = state
    this.#say({ vm: state })
  }

  #toGuest(bytes: Buffer): void {
    this.#o.metrics.moved('guest', bytes.length)
    try {
      this.#line?.fromPage(bytes)
    } catch (fault) {
      this.#misheard(fault)
    }
  }

  #misheard(fault: unknown): void {
    this.#o.log.warn({ console: keyOf(this.#o.viewing), err: fault }, 'a page sent a message that no console sends')
    this.#lost('lost')
  }

  async #attach(): Promise<void> {
    const { vmNow, viewing, clock, metrics } = this.#o
    if (this.#line || this.#isAttaching) return
    const vm = vmNow()
    if (vm?.status?.remoteStatus !== 'running') return this.#say({ detached: 'off' })
    if (!this.#attachments.tryTurn()) return this.#say({ detached: 'lost' })
    this.#isAttaching = true
    const startedMs = clock.monotonicMs()
    const seconds = (): number => (clock.monotonicMs() - startedMs) / 1000
    const cluster = vm.spec.clusterRef.name
    let line: Line | undefined
    let isEnded = false
    const onEnd = (): void => {
      isEnded = true
      if (line && this.#line === line) this.#lost('lost')
    }
    try {
      line = await this.#o.openLine(vm, viewing, { toPage: (bytes) => this.#toPage(bytes), onEnd })
      metrics.attached(cluster, 'ok', seconds())
    } catch (fault) {
      metrics.attached(cluster, 'failed', seconds())
      this.#o.log.warn({ cluster, console: keyOf(viewing), err: fault }, 'failed to reach a screen')
      this.#say({ detached: judge(fault).kind === 'running' ? 'off' : 'unreachable' })
      return
    } finally {
      this.#isAttaching = false
    }
    this.#line = line
    if (this.#isOver) return this.#dropLine()
    this.#say({ attached: true })
    const started = line
    line.start().catch((fault: unknown) => {
      // A line that was dropped meanwhile rejects, too.
      if (this.#line === started) this.#misheard(fault)
    })
    if (isEnded) this.#lost('lost')
  }

  #toPage(bytes: Buffer): void {
    const { page, metrics } = this.#o
    if (page.readyState !== page.OPEN) return
    metrics.moved('page', bytes.length)
    page.send(bytes, { binary: true }, () => {
      if (page.bufferedAmount < fewWaiting) this.#line?.hold(false)
    })
    if (page.bufferedAmount > mostWaiting) this.#line?.hold(true)
  }

  #lost(why: NoPicture): void {
    this.#dropLine()
    const isOff = this.#o.vmNow()?.status?.remoteStatus === 'stopped'
    this.#say({ detached: isOff ? 'off' : why })
  }

  #dropLine(): void {
    if (!this.#line) return
    this.#line.close()
    this.#line = undefined
    this.#o.metrics.detached()
  }
}

/** What stands on top of the page. */
function stateOf({ metadata, status }: ProxmoxVM): VmState {
  const [address] = addressesInForce(status)
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const power = ready?.status === 'Unknown' ? 'unknown' : (status?.remoteStatus ?? 'unknown')
  return { name: metadata.name, ...(status?.hostname && { hostname: status.hostname }), ...(address && { address }), power }
}
