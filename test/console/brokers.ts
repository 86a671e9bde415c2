/** A broker of a world, on a port of its own, as a deployment would run it. */
import { Broker } from '../../src/console/broker/broker.ts'
import { trustedProxies } from '../../src/console/broker/client-address.ts'
import { listen, type Listener, type ListenerOptions } from '../../src/console/broker/listener.ts'
import { readPage } from '../../src/console/broker/page-files.ts'
import { ConsoleMetrics } from '../../src/ops/console-metrics.ts'
import { createLog } from '../../src/ops/log.ts'
import { makeConsolePage } from '../../src/release/console-page.ts'
import { testServer } from '../support/kube.ts'
import { KubeGate } from '../support/kube-gate.ts'
import { until } from '../support/until.ts'
import { Wire } from '../support/wire.ts'
import type { TestWorld } from '../support/world.ts'
import { makeConsole, setConsole, urlOf, worldWithConsoles } from './consoles.ts'
import { PageClient } from './page-client.ts'

export interface RunningBroker {
  readonly url: string
  readonly metrics: ConsoleMetrics
  readonly wire: Wire
  /** All that it logged, as text. */
  readonly log: string[]
  stop(): Promise<void>
}

export interface BrokerSetup {
  port?: number
  tls?: ListenerOptions['tls']
  proxies?: readonly string[]
  mostSessions?: number
  as?: { user: string; groups: readonly string[] }
}

let page: Promise<string> | undefined

export async function startBroker(world: TestWorld, o: BrokerSetup = {}): Promise<RunningBroker> {
  page ??= makeConsolePage()
  const stop = new AbortController()
  const wire = new Wire()
  const log: string[] = []
  const gate = await KubeGate.open({ target: { ...testServer(), ...(o.as && { impersonate: o.as }) }, wire, scope: world })
  const metrics = new ConsoleMetrics({ version: 'test' })
  const broker = new Broker({
    server: gate.server,
    clock: world.clock,
    log: createLog({ level: 'debug', destination: { write: (line: string) => void log.push(line) } }),
    metrics,
    proxies: trustedProxies(o.proxies ?? []),
    mostSessions: o.mostSessions ?? 100,
  })
  const running = broker.run(stop.signal)
  await until('the broker knows what there is', () => broker.isSynced)
  const listener: Listener = await listen({
    address: `127.0.0.1:${o.port ?? 0}`,
    ...(o.tls && { tls: o.tls }),
    page: readPage(await page),
    broker,
    clock: world.clock,
    onProblem: (message) => void log.push(message),
  })
  return {
    url: listener.url,
    metrics,
    wire,
    log,
    stop: async () => {
      stop.abort()
      await running
      await listener.close()
      await gate.close()
    },
  }
}

/** A world with the VM `shop`, and a broker whose URL its cluster names. */
export async function worldWithBroker(): Promise<{ world: TestWorld; broker: RunningBroker }> {
  const world = await worldWithConsoles()
  const broker = await startBroker(world)
  await setConsole(world, { url: broker.url })
  await world.born('shop')
  return { world, broker }
}

/** A new console that waits for its page. */
export async function newConsole(world: TestWorld, vm = 'shop', spec: object = {}): Promise<{ name: string; url: string }> {
  const name = await makeConsole(world, vm, spec)
  return { name, url: await urlOf(world, name) }
}

/** The pages of one suite: what a test opens is closed after it. */
export class OpenPages {
  readonly #pages: PageClient[] = []

  open = async (...args: Parameters<typeof PageClient.open>): Promise<PageClient> => {
    const page = await PageClient.open(...args)
    this.#pages.push(page)
    return page
  }

  close(): void {
    for (const page of this.#pages.splice(0)) page.close()
  }

  /** Closes them, and waits until the broker knows. */
  async leave(broker: RunningBroker): Promise<void> {
    this.close()
    await until('no page is connected', async () => (await valueOf(broker, 'pve_console_sessions')) === 0)
    await until('no screen is open', async () => (await valueOf(broker, 'pve_console_pictures')) === 0)
  }
}

async function valueOf({ metrics }: RunningBroker, name: string): Promise<number> {
  const line = (await metrics.expose()).text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.split(' ').at(-1))
}
