/** Lists guests that no object owns when a person asks for it by an annotation; `kubectl pve adopt` makes manifests of the answer. */
import { type ListedGuest, listGuestsAnnotation, mostListed } from '../api/guest-list.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Store } from '../kube/store.ts'
import { parseMark } from '../ladder/mark.ts'
import type { Clock } from '../ops/clock.ts'
import type { IpsetEntry } from '../proxmox/answers.ts'
import { judge } from '../proxmox/failures.ts'
import type { GuestRow } from '../proxmox/listing.ts'
import type { PveCluster } from './cluster.ts'
import type { ClusterDirectory } from './directory.ts'
import { guestFactsOf } from './guest-class.ts'
import type { RecordedGuests } from './guest-owners.ts'
import { writeClusterStatus } from './status-write.ts'

/** Read at the same time; the limit of the cluster object on requests holds as well. */
const inParallel = 4
const longestOption = 512
const mostOptions = 96
const mostAddresses = 32
/** A request that failed is tried again. */
const againMs = 5_000

interface GuestListerOptions {
  readonly client: KubeClient
  readonly clusters: Store<ProxmoxCluster>
  readonly directory: ClusterDirectory
  readonly recorded: RecordedGuests
  readonly clock: Clock
  readonly mayAct: () => void
  readonly onFault: (cluster: string, fault: unknown) => void
}

type Answer = NonNullable<ProxmoxClusterStatus['guestList']>

/** One request at a time. */
export class GuestLister {
  readonly #o: GuestListerOptions
  readonly #asked = new Set<string>()
  #wake: () => void = () => undefined

  constructor(o: GuestListerOptions) {
    this.#o = o
    o.clusters.subscribe(({ key }) => this.#ask(key))
    o.directory.subscribe((key) => this.#ask(key))
  }

  #ask(key: string): void {
    if (!isOpen(this.#o.clusters.get(key))) return
    this.#asked.add(key)
    this.#wake()
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const { metadata } of this.#o.clusters.list()) this.#ask(metadata.name)
    while (!signal.aborted) {
      const [name] = this.#asked
      if (name === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
        await promise
        continue
      }
      this.#asked.delete(name)
      await this.#answer(name).catch(async (fault: unknown) => {
        this.#o.onFault(name, fault)
        await this.#o.clock.sleep(againMs, signal)
        this.#ask(name)
      })
    }
  }

  async #answer(name: string): Promise<void> {
    const object = this.#o.clusters.get(name)
    if (!isOpen(object)) return
    const request = requestOf(object)
    const cluster = this.#o.directory.get(name)
    // It is asked again when the cluster object is ready.
    if (request !== undefined && !cluster) return
    const answer = request === undefined || !cluster ? undefined : await this.#list(cluster, request)
    this.#o.mayAct()
    const place = { client: this.#o.client, store: this.#o.clusters, name }
    await writeClusterStatus(place, ({ guestList: _, ...status }) => ({ ...status, ...(answer && { guestList: answer }) }))
  }

  async #list(cluster: PveCluster, request: string): Promise<Answer> {
    const { from, to } = rangeIn(request)
    const listing = cluster.inventory.current() ?? (await cluster.inventory.since(0))
    const rows = [...listing.guests]
      .filter(([vmid, row]) => from <= vmid && vmid <= to && row.kind === 'qemu' && !row.template)
      .filter(([vmid]) => this.#o.recorded.holderOf(cluster.name, vmid) === undefined)
      .toSorted(([a], [b]) => a - b)
    const guests: ListedGuest[] = []
    let at = 0
    while (at < rows.length && guests.length < mostListed) {
      const some = rows.slice(at, at + Math.min(inParallel, mostListed - guests.length))
      const read = await Promise.all(some.map(async ([vmid, row]) => await this.#read(cluster, vmid, row)))
      guests.push(...read.filter((guest) => guest !== undefined))
      at += some.length
    }
    const next = rows[at]?.[0]
    return { request, at: new Date(this.#o.clock.now()).toISOString(), guests, ...(next !== undefined && { next }) }
  }

  /** Undefined: a living object owns it, or it is not there any more. */
  async #read({ pve }: PveCluster, vmid: number, { node, status }: GuestRow): Promise<ListedGuest | undefined> {
    const guest = { vmid, node, running: status !== 'stopped' && status !== 'unknown' }
    try {
      const config = await pve.config(guest)
      const { mark, addresses } = guestFactsOf(guest, config, await setsOf(pve, guest))
      const described = parseMark(String(config['description'] ?? ''))
      if (described?.vmid === vmid && this.#o.recorded.isLiving(described.uid)) return undefined
      return {
        ...guest,
        options: optionsIn(config),
        addresses: addresses.slice(0, mostAddresses).map((address) => address.slice(0, 45)),
        ...(mark && { fromUID: mark.uid.slice(0, 64) }),
        ...(mark && mark.vmid !== vmid && { copyOf: mark.vmid }),
      }
    } catch (fault) {
      const failure = judge(fault)
      if (failure.kind === 'absent') return undefined
      return { ...guest, options: [], addresses: [], problem: failure.message.trim().slice(0, 256) }
    }
  }
}

const requestOf = ({ metadata }: ProxmoxCluster): string | undefined => metadata.annotations?.[listGuestsAnnotation]?.slice(0, 128)

/** There is a request without its answer, or an answer without its request. */
const isOpen = (object: ProxmoxCluster | undefined): object is ProxmoxCluster =>
  object !== undefined && object.status?.guestList?.request !== requestOf(object)

/** `TOKEN 100-999`; without a range all. */
function rangeIn(request: string): { from: number; to: number } {
  const [, from, to] = / (\d+)-(\d+)$/.exec(request) ?? []
  return { from: Number(from ?? 0), to: Number(to ?? 999_999_999) }
}

/** Neither what people wrote nor what opens a guest. */
const withheld = /^(?:digest|description|cipassword|sshkeys|args|hookscript|vmgenid|smbios1)$/

function optionsIn(config: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(config)
    .filter(([key]) => !withheld.test(key))
    .map(([key, value]) => `${key}=${value}`)
    .filter((text) => text.length <= longestOption)
    .slice(0, mostOptions)
}

async function setsOf(pve: PveCluster['pve'], at: { node: string; vmid: number }): Promise<IpsetEntry[]> {
  const firewall = pve.firewall(at)
  const sets = (await firewall.ipsets()).filter(({ name }) => /^ipfilter-net\d+$/.test(name))
  return (await Promise.all(sets.map(async ({ name }) => await firewall.ipset(name)))).flat()
}
