import type { DNSZone } from '../api/dnszone.ts'
import { inUseFinalizer, releaseAnnotation } from '../api/group.ts'
import { dnsZones, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import { keyOf } from '../kube/keys.ts'
import { findOne } from '../kube/look-up.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import { driftedVMs, expectedIn, orphanChanges, orphanRecords } from './audit.ts'
import { DnsFault, type DnsProvider } from './providers/provider.ts'
import { CredentialsMissing, type Providers } from './providers/providers.ts'
import type { DnsOperation, RecordSync } from './sync.ts'
import { reasonOfFault, type Trouble } from './verdict.ts'
import { dnsConditionOf, notesOf } from './vm-status.ts'
import type { ZoneDirectory } from './zone-directory.ts'
import type { ZoneRecords } from './zone-records.ts'
import { zoneStatusOf } from './zone-status.ts'

export interface ZoneControllerOptions {
  readonly client: KubeClient
  readonly zones: Store<DNSZone>
  readonly vms: Store<ProxmoxVM>
  readonly directory: ZoneDirectory
  readonly providers: Providers
  readonly sync: RecordSync
  readonly records: ZoneRecords
  /** Keys are names of DNSZones. */
  readonly queue: WorkQueue
  readonly events: Pick<EventRecorder, 'record'>
  readonly clock: Clock
  /** Looks at a VM's records again; its key. */
  readonly force: (vm: string) => void
  readonly observe?: (operation: DnsOperation) => void
  /** How often a healthy server is asked for its zone, and how often everything in the zone is compared. */
  readonly probeSeconds?: number
  readonly auditSeconds?: number
}

/** What is remembered of a zone between passes; lost without harm. */
interface Memory {
  readonly uid: string | undefined
  generation: number | undefined
  provider: DnsProvider | undefined
  /** What its Secret said when it was made. */
  login: string | undefined
  trouble: Trouble | undefined
  failures: number
  /** These three by the clock that never jumps. */
  retryAfterMs: number
  probedAtMs: number | undefined
  auditedAtMs: number | undefined
  serial: number | undefined
  auditedSerial: number | undefined
}

const retryBaseMs = 1_000
const retryCapMs = 30_000
/** Where the serial has not moved, nothing was changed; yet somebody may have edited a zone file without it. */
const trustSerialMs = 3_600_000
const countMs = 2_000

/** Reconciles DNSZone: makes its provider, probes it, compares what is in the zone, removes what deleted VMs left, writes the status. */
export class ZoneController {
  readonly #o: ZoneControllerOptions
  readonly #memories = new Map<string, Memory>()
  readonly #usersOf: (ref: string) => ProxmoxVM[]

  /** Declares an index: construct it before the reflectors run. */
  constructor(o: ZoneControllerOptions) {
    this.#o = o
    this.#usersOf = o.vms.index('dns zones', (vm) => [...new Set(notesOf(vm).map((note) => note.zone))])
  }

  /** Works until the signal aborts; by the leader only, with synced stores. */
  async run(signal: AbortSignal): Promise<void> {
    const { zones, vms, directory, queue } = this.#o
    const leave = [
      zones.subscribe(({ key }) => queue.add(key)),
      vms.subscribe(({ old, new: now }) => this.#counted(old, now)),
      directory.onBlame((ref, trouble) => this.#blamed(ref, trouble)),
    ]
    for (const { metadata } of zones.list()) queue.add(metadata.name)
    await queue.run((ref) => this.reconcile(ref), { workers: 4 }, signal)
    for (const end of leave) end()
    await Promise.all([...this.#memories.values()].map((memory) => memory.provider?.close() ?? Promise.resolve()))
  }

  async reconcile(ref: string): Promise<void> {
    const zone = this.#o.zones.get(ref)
    if (zone === undefined) return await this.#forget(ref)
    if (await this.#guard(ref, zone)) return
    const memory = await this.#memoryOf(ref, zone)
    if (memory.generation !== zone.metadata.generation || this.#isDue(memory)) await this.#probe(ref, zone, memory)
    this.#publish(zone, memory)
    if (memory.trouble === undefined) {
      await this.#removeOrphans(ref, zone)
      await this.#audit(ref, zone, memory)
    }
    await this.#report(ref, memory)
    this.#o.queue.forget(ref)
    this.#o.queue.addAfter(ref, this.#pauseMs(ref, memory))
  }

  /** Puts the finalizer on, and takes it off when nothing here would be forgotten. True when there is nothing more to do now. */
  async #guard(ref: string, zone: DNSZone): Promise<boolean> {
    const finalizers = zone.metadata.finalizers ?? []
    const isOn = finalizers.includes(inUseFinalizer)
    const isLeaving = zone.metadata.deletionTimestamp !== undefined
    const isEmpty = this.#usersOf(ref).length === 0 && (zone.status?.orphans ?? []).length === 0
    const isReleased = zone.metadata.annotations?.[releaseAnnotation] === 'true'
    if (isLeaving !== isOn) return isLeaving
    if (isLeaving && !isReleased && !(isEmpty && (await this.#isUnused(ref)))) return false
    const wanted = isLeaving ? finalizers.filter((each) => each !== inUseFinalizer) : [...finalizers, inUseFinalizer]
    // With the version: a VM may have written down a record since we looked.
    const patch = { metadata: { finalizers: wanted, resourceVersion: zone.metadata.resourceVersion } }
    const written = await this.#o.client.mergePatch(dnsZones, { name: ref }, patch)
    if (!isLeaving) this.#o.zones.put(written)
    if (isLeaving) await this.#forget(ref)
    return isLeaving
  }

  /** The watch may not have told of a VM with records in the zone yet: the API server's VMs are searched once before the zone and its login go. */
  async #isUnused(ref: string): Promise<boolean> {
    const { client, vms: store } = this.#o
    const user = await findOne({ client, store, resource: proxmoxVMs }, {}, (vm) => notesOf(vm).some(({ zone }) => zone === ref))
    return user === undefined
  }

  async #memoryOf(ref: string, zone: DNSZone): Promise<Memory> {
    const known = this.#memories.get(ref)
    if (known !== undefined && known.uid === zone.metadata.uid) return known
    await known?.provider?.close()
    const memory: Memory = {
      uid: zone.metadata.uid,
      generation: undefined,
      provider: undefined,
      login: undefined,
      trouble: undefined,
      failures: 0,
      retryAfterMs: 0,
      serial: undefined,
      probedAtMs: undefined,
      auditedAtMs: undefined,
      auditedSerial: undefined,
    }
    this.#memories.set(ref, memory)
    return memory
  }

  async #forget(ref: string): Promise<void> {
    const memory = this.#memories.get(ref)
    this.#memories.delete(ref)
    this.#o.directory.remove(ref)
    await memory?.provider?.close()
  }

  #isDue(memory: Memory): boolean {
    const nowMs = this.#o.clock.monotonicMs()
    const sinceMs = nowMs - (memory.probedAtMs ?? -Infinity)
    if (memory.trouble !== undefined) return sinceMs >= this.#backoffMs(memory) && nowMs >= memory.retryAfterMs
    return sinceMs >= (this.#o.probeSeconds ?? 60) * 1000
  }

  /** The Secret is read again each time: nobody may list Secrets, so a changed one is not told, and the former login may work for long. */
  async #probe(ref: string, zone: DNSZone, memory: Memory): Promise<void> {
    const { clock, providers } = this.#o
    const isEdited = memory.generation !== zone.metadata.generation
    const startedMs = clock.monotonicMs()
    const old = memory.provider
    const kind = old?.kind ?? 'none'
    try {
      const login = await providers.loginOf(zone)
      const isOther = isEdited || login !== memory.login
      if (isOther || memory.trouble !== undefined || old === undefined) memory.provider = await providers.make(zone)
      memory.login = login
      memory.serial = (await memory.provider?.probe())?.serial
      memory.trouble = undefined
      memory.failures = 0
      this.#observe(memory.provider?.kind ?? kind, 'ok', startedMs)
    } catch (fault) {
      const trouble = troubleOf(ref, fault)
      if (trouble === undefined) throw fault
      memory.trouble = trouble
      memory.failures += 1
      memory.retryAfterMs = clock.monotonicMs() + (fault instanceof DnsFault ? (fault.retryAfterSeconds ?? 0) : 0) * 1000
      this.#observe(memory.provider?.kind ?? kind, fault instanceof DnsFault ? fault.kind : 'credentials', startedMs)
    }
    memory.generation = zone.metadata.generation
    memory.probedAtMs = clock.monotonicMs()
    if (old !== undefined && old !== memory.provider) await old.close()
  }

  #publish(zone: DNSZone, { provider, trouble }: Memory): void {
    this.#o.directory.set(zone, { ...(provider === undefined ? {} : { provider }), ...(trouble === undefined ? {} : { trouble }) })
  }

  #blamed(ref: string, trouble: Trouble): void {
    const memory = this.#memories.get(ref)
    if (memory === undefined || memory.trouble !== undefined) return
    memory.trouble = trouble
    memory.failures = 1
    memory.probedAtMs = this.#o.clock.monotonicMs()
    this.#o.queue.add(ref)
  }

  async #removeOrphans(ref: string, zone: DNSZone): Promise<void> {
    const orphans = orphanRecords(zone.status?.orphans ?? [])
    if (orphans.length === 0) return
    const found = await this.#o.sync.ask(ref, 'look', (provider) => provider.look(orphans.map((each) => each.key)))
    if (!Array.isArray(found)) return
    const { changes, gone } = orphanChanges(zone, orphans, found)
    const made = changes.size === 0 ? [] : await this.#o.sync.apply(ref, [...changes.values()])
    if (!Array.isArray(made)) return
    for (const [at, [each]] of [...changes].entries()) if (made[at]?.is === 'done') gone.add(each)
    if (gone.size === 0) return
    await this.#o.records.settle(ref, gone)
    // Their names and addresses may have been given out again meanwhile.
    for (const vm of this.#o.vms.list()) if (dnsConditionOf(vm)?.reason === 'RecordTaken') this.#o.force(keyOf(vm))
    this.#o.events.record(zone, 'Normal', 'DNSOrphansRemoved', `${gone.size} record sets of deleted VMs were removed`)
  }

  /** A record changed by hand comes back: its VM is told to look again. */
  async #audit(ref: string, zone: DNSZone, memory: Memory): Promise<void> {
    const sinceMs = this.#o.clock.monotonicMs() - (memory.auditedAtMs ?? -Infinity)
    const isUnmoved = memory.provider?.serialMoves === true && memory.serial !== undefined && memory.serial === memory.auditedSerial
    if (sinceMs < (this.#o.auditSeconds ?? 600) * 1000 || (isUnmoved && sinceMs < trustSerialMs)) return
    const expected = expectedIn(ref, this.#usersOf(ref))
    const found =
      expected.length === 0 ? [] : await this.#o.sync.ask(ref, 'look', (provider) => provider.look(expected.map((each) => each.key)))
    if (!Array.isArray(found)) return
    for (const vm of driftedVMs(zone, expected, found)) this.#o.force(keyOf(vm))
    memory.auditedAtMs = this.#o.clock.monotonicMs()
    memory.auditedSerial = memory.serial
  }

  async #report(ref: string, memory: Memory): Promise<void> {
    const users = this.#usersOf(ref)
    const records = users.reduce((sum, vm) => sum + notesOf(vm).filter((note) => note.zone === ref).length, 0)
    const { clock } = this.#o
    const checkedAtMs = memory.probedAtMs === undefined ? undefined : memory.probedAtMs + clock.now() - clock.monotonicMs()
    await this.#o.records.change(ref, (status, zone) =>
      zoneStatusOf(
        zone,
        status,
        {
          records,
          vms: users.length,
          ...(memory.trouble === undefined ? {} : { trouble: memory.trouble }),
          ...(memory.serial === undefined ? {} : { serial: memory.serial }),
          ...(checkedAtMs === undefined ? {} : { checkedAtMs }),
        },
        clock.now(),
      ),
    )
  }

  #pauseMs(ref: string, memory: Memory): number {
    if (memory.trouble === undefined) return (this.#o.probeSeconds ?? 60) * 1000
    const dueMs = Math.max((memory.probedAtMs ?? 0) + this.#backoffMs(memory), memory.retryAfterMs)
    // Zones of one server fail together; they need not ask together.
    const spread = Buffer.from(ref).reduce((sum, byte) => sum + byte, 0) % 100
    return Math.max(0, dueMs - this.#o.clock.monotonicMs()) * (1 + spread / 400)
  }

  #backoffMs = ({ failures }: Memory): number => Math.min(retryCapMs, retryBaseMs * 2 ** Math.max(0, failures - 1))

  #counted(old: ProxmoxVM | undefined, now: ProxmoxVM | undefined): void {
    const before = old === undefined ? [] : notesOf(old)
    const after = now === undefined ? [] : notesOf(now)
    if (before === after) return
    const zonesOf = (notes: typeof before): string[] => notes.map((note) => note.zone)
    const left = new Set([...zonesOf(before), ...zonesOf(after)])
    for (const ref of left) this.#o.queue.addAfter(ref, countMs)
  }

  #observe(provider: string, outcome: string, startedMs: number): void {
    this.#o.observe?.({ provider, operation: 'probe', outcome, seconds: (this.#o.clock.monotonicMs() - startedMs) / 1000 })
  }
}

function troubleOf(ref: string, fault: unknown): Trouble | undefined {
  if (fault instanceof DnsFault) return { reason: reasonOfFault[fault.kind], zone: ref, message: fault.message }
  if (fault instanceof CredentialsMissing) return { reason: 'DNSCredentialsNotFound', zone: ref, message: fault.message }
  return undefined
}
