import type { IPPool, IPPoolSpec } from '../../src/api/ippool.ts'
import { ipPools, type Namespace, namespaces, poolAddresses, type Resource } from '../../src/api/meta.ts'
import type { KubeObject } from '../../src/api/object.ts'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import { AddressBook } from '../../src/ipam/address-book.ts'
import type { Claimant, Entry, Grant, ClaimRefusal } from '../../src/ipam/claim.ts'
import { PoolController } from '../../src/ipam/pool-controller.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { Store } from '../../src/kube/store.ts'
import { Reflector } from '../../src/kube/watch.ts'
import { type Clock, systemClock } from '../../src/ops/clock.ts'
import { freshName, testServer } from '../support/kube.ts'
import { until } from '../support/until.ts'

/** An address book with its stores fed by the real API server: what one operator has. */
export interface Stand {
  client: KubeClient
  /** `verb resource status` of each request of the book and its controller. */
  requests: string[]
  pools: Store<IPPool>
  addresses: Store<PoolAddress>
  book: AddressBook
  controller: PoolController
  /** Names of VMs told to ask again, in order. */
  called: string[]
  faults: unknown[]
  /** The watches end, the stores stay as they are: an operator that hears nothing any more. */
  deafen(): Promise<void>
  stop(): Promise<void>
}

type Holders = Pick<ConstructorParameters<typeof PoolController>[0], 'isLiving' | 'isGone' | 'mayFree'>

/** What is in one scope: other test files use the same API server, with controllers of their own. */
class ScopedStore<T extends KubeObject & { spec: { scope: string } }> extends Store<T> {
  private readonly scope: string
  constructor(scope: string) {
    super()
    this.scope = scope
  }
  override upsert(object: T): void {
    if (object.spec.scope === this.scope) super.upsert(object)
    else this.progress(object.metadata.resourceVersion ?? '')
  }
}

export async function openBook(
  scope: string,
  o: { clock?: Clock; clientClass?: typeof KubeClient; controls?: boolean; holders?: Partial<Holders> } = {},
): Promise<Stand> {
  const clock = o.clock ?? systemClock
  const requests: string[] = []
  const onRequest = (x: { verb: string; resource: string; status: number }): unknown => requests.push(`${x.verb} ${x.resource} ${x.status}`)
  const Client = o.clientClass ?? KubeClient
  const client = new Client({ server: testServer(), clock: systemClock, fieldManager: 'test', fieldValidation: 'Strict', onRequest })
  const watching = new KubeClient({ server: testServer(), clock: systemClock, fieldManager: 'test' })
  const pools = new ScopedStore<IPPool>(scope)
  const addresses = new ScopedStore<PoolAddress>(scope)
  const namespaceStore = new Store<Namespace>()
  const called: string[] = []
  const faults: unknown[] = []
  const onFreed = (_: string, next: readonly { name: string }[]): unknown => called.push(...next.map(({ name }) => name))
  const book = new AddressBook({ client, pools, addresses, namespaces: namespaceStore, clock, onFreed })
  const controller = new PoolController({
    client,
    pools,
    addresses,
    book,
    clock,
    inUseOf: () => 0,
    unseenAt: () => [],
    isLiving: () => true,
    isGone: async () => false,
    ...o.holders,
    onFault: (_, fault) => faults.push(fault),
  })
  const deaf = new AbortController()
  const stopped = new AbortController()
  const reflect = <T extends KubeObject>(resource: Resource<T>, store: Store<T>): Promise<void> =>
    new Reflector({ client: watching, resource, store, clock: systemClock }).run(deaf.signal)
  const running = [reflect(ipPools, pools), reflect(poolAddresses, addresses), reflect(namespaces, namespaceStore)]
  await Promise.all([pools.synced, addresses.synced, namespaceStore.synced])
  if (o.controls) running.push(controller.run(stopped.signal))
  const deafen = async (): Promise<void> => {
    deaf.abort()
    await Promise.all(running.slice(0, 3))
  }
  const stop = async (): Promise<void> => {
    stopped.abort()
    await deafen()
    book.close()
    await Promise.all(running)
    await Promise.all([client.close(), watching.close()])
  }
  return { client, requests, pools, addresses, book, controller, called, faults, deafen, stop }
}

/** The stands of one test, stopped together at its end. */
export class Stands {
  readonly opened: Stand[] = []

  async open(...how: Parameters<typeof openBook>): Promise<Stand> {
    const stand = await openBook(...how)
    this.opened.push(stand)
    return stand
  }

  async stop(): Promise<void> {
    for (const stand of this.opened.splice(0)) await stand.stop()
  }
}

/** The PoolAddress as the API server has it. */
export const addressOn = ({ client }: Stand, scope: string, address: string): Promise<PoolAddress | undefined> =>
  client.get(poolAddresses, { name: `${address}.${scope}` })

export const aPool = (scope: string, spec: Partial<IPPoolSpec> & { ranges: string[] }): IPPool => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'IPPool',
  metadata: { name: freshName('pool') },
  spec: { prefixLength: spec.ranges[0]?.includes(':') ? 64 : 24, scope, ...spec } as IPPoolSpec,
})

/** Makes the pool and waits until every stand has it. */
export async function makePool(
  scope: string,
  spec: Partial<IPPoolSpec> & { ranges: string[] },
  ...stands: [Stand, ...Stand[]]
): Promise<string> {
  const pool = await stands[0].client.create(ipPools, aPool(scope, spec))
  const { name } = pool.metadata
  for (const { pools } of stands) await until(`pool ${name} in the store`, () => pools.get(name))
  return name
}

let vms = 0
export function aVm(o: Partial<Claimant> = {}): Claimant {
  vms += 1
  return { namespace: 'shop', name: `vm-${vms}`, uid: `${freshName('uid')}`, labels: { 'pve.hosting/client-id': '142', app: 'web' }, ...o }
}

export const main = (pool: string, address?: string): Entry => ({ name: 'main', pool, ...(address !== undefined && { address }) })

/** One entry's answer: the address, or the reason there is none. */
export function shortly(answer: Grant | ClaimRefusal | undefined): string {
  if (!answer) return 'no answer'
  return answer.is === 'granted' ? answer.address : `${answer.is} ${answer.reason}`
}

export async function claimOne(stand: Stand, who: Claimant, entry: Entry): Promise<string> {
  return shortly((await stand.book.claim(who, [entry], 'fra1'))[0])
}

/** Time that goes on only when told to: for hours of rest and years of records. */
export class TurnedClock implements Clock {
  private nowMs = Date.parse('2026-11-24T12:00:00Z')
  private due: { atMs: number; run: () => void }[] = []

  now(): number {
    return this.nowMs
  }

  monotonicMs(): number {
    return this.nowMs
  }

  after(ms: number, run: () => void): () => void {
    const entry = { atMs: this.nowMs + ms, run }
    this.due.push(entry)
    return () => {
      this.due = this.due.filter((one) => one !== entry)
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        resolve()
      })
    })
  }

  turn(ms: number): void {
    this.nowMs += ms
    const ready = this.due.filter(({ atMs }) => atMs <= this.nowMs)
    this.due = this.due.filter(({ atMs }) => atMs > this.nowMs)
    for (const { run } of ready) run()
  }
}
