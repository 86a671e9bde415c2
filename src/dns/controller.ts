import { pausedAnnotation } from '../api/group.ts'
import { isLetGo } from '../api/let-go.ts'
import { type Namespace, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { VMRecordNote } from '../api/vm-dns.ts'
import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import { keyOf } from '../kube/keys.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import { Ages, type Clock } from '../ops/clock.ts'
import { idOf, type ZonePlacement, placementOf } from './placement.ts'
import { handOverOfGone, release } from './release.ts'
import type { Wanted } from './records.ts'
import type { DnsOutcome, RecordSync } from './sync.ts'
import { type DnsVerdict, type Trouble, verdictOf } from './verdict.ts'
import { actorOf, dnsConditionOf, notesOf, recordId, sameNote, sameNotes, statusPatch } from './vm-status.ts'
import type { ZoneDirectory } from './zone-directory.ts'
import type { ZoneRecords } from './zone-records.ts'

export interface DnsControllerOptions {
  readonly client: KubeClient
  readonly vms: Store<ProxmoxVM>
  readonly namespaces: Store<Namespace>
  readonly directory: ZoneDirectory
  readonly sync: RecordSync
  readonly records: ZoneRecords
  /** Keys are `namespace/name` of ProxmoxVMs. */
  readonly queue: WorkQueue
  readonly events: Pick<EventRecorder, 'record'>
  readonly clock: Clock
  /** How long the records of a deleted VM may hold up its deletion before they are handed to their zones. */
  readonly releaseSeconds?: number
  /** The records of a deleted VM stay until `release` is called for it. */
  readonly waitsForRelease?: boolean
  /** How long a VM waited from the wish to the record, for metrics. */
  readonly observeLag?: (seconds: number) => void
}

export interface SyncReport {
  readonly ok: boolean
  readonly message: string
}

const stopping: SyncReport = { ok: false, message: 'the operator is stopping' }

/** A conflict, or a zone that stays away, is looked at again after this long even if nobody tells us of a change. */
const patienceMs = 300_000
const workers = 8

/** Keeps the DNS records of every VM: writes to ProxmoxVM only status.dns and the condition DNSSynced, under a field manager of its own. */
export class DnsController {
  readonly #o: DnsControllerOptions
  readonly #holders: (id: string) => ProxmoxVM[]
  readonly #keptOut: (reason: string) => ProxmoxVM[]
  /** VMs whose records must be looked at although status says that all is well. */
  readonly #forced = new Set<string>()
  readonly #waiting = new Map<string, ((report: SyncReport) => void)[]>()
  #isOver = false
  /** uids of deleted VMs whose records may go. */
  readonly #released = new Set<string>()
  /** Since when (ms) a VM has waited for its records. */
  readonly #since = new Map<string, number>()
  readonly #leaving: Ages

  /** Declares an index: construct it before the reflectors run. */
  constructor(o: DnsControllerOptions) {
    this.#o = o
    this.#leaving = new Ages(o.clock)
    this.#keptOut = o.vms.index('dns verdicts', (vm) => [dnsConditionOf(vm)?.reason ?? ''])
    this.#holders = o.vms.index('dns records', (vm) => notesOf(vm).map(recordId))
  }

  /** Works until the signal aborts; by the leader only, with synced stores. */
  async run(signal: AbortSignal): Promise<void> {
    const { vms, namespaces, directory, queue } = this.#o
    this.#isOver = false
    const all = (): void => vms.list().forEach((vm) => queue.add(keyOf(vm)))
    const leave = [
      vms.subscribe((change) => this.#changed(change, signal)),
      namespaces.subscribe(({ key }) => vms.list().forEach((vm) => vm.metadata.namespace === key && queue.add(keyOf(vm)))),
      directory.onChange(all),
    ]
    all()
    await queue.run((key) => this.reconcile(key), { workers }, signal)
    for (const end of leave) end()
    this.#isOver = true
    for (const key of this.#waiting.keys()) this.#answer(key, stopping)
  }

  /** Looks at the VM's records now, whatever the status says. */
  force(key: string): void {
    this.#forced.add(key)
    this.#o.queue.add(key)
  }

  /** The VM of the deleted object is going. */
  release(key: string, uid: string): void {
    if (this.#released.has(uid)) return
    this.#released.add(uid)
    this.#o.queue.add(key)
  }

  /** The command SetDNSRecords: synchronises at once and tells how it went. */
  synchronise(key: string): Promise<SyncReport> {
    if (this.#isOver) return Promise.resolve(stopping)
    return new Promise((resolve) => {
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve])
      this.force(key)
    })
  }

  /** How many VMs wait for their records, and the longest of them, for metrics. */
  get lag(): { readonly vms: number; readonly oldestSeconds: number } {
    const oldest = Math.min(...this.#since.values())
    return { vms: this.#since.size, oldestSeconds: this.#since.size === 0 ? 0 : Math.max(0, this.#o.clock.now() - oldest) / 1000 }
  }

  async reconcile(key: string): Promise<void> {
    const vm = this.#o.vms.get(key)
    if (vm === undefined) {
      this.#since.delete(key)
      this.#leaving.forget(key)
      return this.#answer(key, { ok: false, message: `ProxmoxVM ${key} does not exist` })
    }
    if (vm.metadata.annotations?.[pausedAnnotation] === 'true') return this.#answer(key, { ok: false, message: 'the VM is paused' })
    if (isLetGo(vm)) return this.#answer(key, { ok: false, message: 'the object was released from its VM' })
    if (vm.metadata.deletionTimestamp !== undefined) {
      const isHeld = this.#o.waitsForRelease === true && !this.#released.has(vm.metadata.uid ?? '')
      if (isHeld) return this.#answer(key, { ok: false, message: 'the VM is being deleted' })
      const leavingForMs = this.#leaving.ageMs(key, vm.metadata.uid ?? '', Date.parse(vm.metadata.deletionTimestamp))
      await release(vm, { ...this.#o, leavingForMs, write: (newest, notes, verdict) => this.#write(newest, notes, verdict) })
      return this.#answer(key, { ok: false, message: 'the VM is being deleted' })
    }
    await this.#pass(key, vm)
  }

  async #pass(key: string, vm: ProxmoxVM): Promise<void> {
    const labels = this.#o.namespaces.get(vm.metadata.namespace ?? '')?.metadata.labels ?? {}
    const placement = placementOf(vm, this.#o.directory.list(), labels)
    const notes = notesOf(vm)
    // Without any zone there is nothing to say, and a fleet without DNS costs no write.
    if (this.#o.directory.list().length === 0 && notes.length === 0 && dnsConditionOf(vm) === undefined)
      return this.#answer(key, { ok: false, message: 'no DNSZone exists' })
    if (vm.status?.hostname === undefined && vm.status?.addresses === undefined && notes.length === 0)
      return this.#answer(key, { ok: false, message: 'the VM has neither host name nor addresses yet' })
    const rivals = placement.wanted.flatMap((each) => this.#rivalOf(vm, each))
    const wanted = placement.wanted.filter((each) => !rivals.some(({ id }) => id === idOf(each)))
    const troubles = [...placement.troubles, ...rivals.map(({ trouble }) => trouble)]
    const intended = intentOf(wanted, notes)
    const isForced = this.#forced.delete(key)
    if (!isForced && intended.every((note) => note.synced)) return await this.#rest(key, vm, intended, troubles, placement)
    await this.#climb(key, vm, { wanted, intended, troubles, placement })
  }

  /** Nothing to do at any server; the sentence may have changed. */
  async #rest(
    key: string,
    vm: ProxmoxVM,
    notes: readonly VMRecordNote[],
    troubles: readonly Trouble[],
    { homeless }: ZonePlacement,
  ): Promise<void> {
    const verdict = verdictOf({ notes, troubles, homeless, unconfirmed: this.#unconfirmed() })
    await this.#write(vm, notes, verdict)
    this.#since.delete(key)
    this.#o.queue.forget(key)
    if (troubles.length > 0) this.#o.queue.addAfter(key, patienceMs)
    this.#answer(key, { ok: troubles.length === 0, message: verdict.message })
  }

  async #climb(
    key: string,
    old: ProxmoxVM,
    o: { wanted: readonly Wanted[]; intended: readonly VMRecordNote[]; troubles: readonly Trouble[]; placement: ZonePlacement },
  ): Promise<void> {
    const { wanted, intended, placement } = o
    const unconfirmed = this.#unconfirmed()
    if (!this.#since.has(key)) this.#since.set(key, this.#o.clock.now())
    // The intent first: what is in status before the server is asked can be found again after a crash, a rename or the end of the VM.
    const vm = sameNotes(intended, notesOf(old))
      ? old
      : await this.#write(old, intended, verdictOf({ notes: intended, troubles: o.troubles, homeless: placement.homeless, unconfirmed }))
    const ids = new Set(wanted.map(idOf))
    const removals = intended.filter((note) => !ids.has(recordId(note)))
    const outcomes = await this.#o.sync.run({ ...actorOf(vm), wanted, removals })
    const notes = intended.flatMap((note) => afterwards(note, outcomes.get(recordId(note)), ids.has(recordId(note))))
    const troubles = [...o.troubles, ...troublesIn(outcomes)]
    const verdict = verdictOf({ notes, troubles, homeless: placement.homeless, unconfirmed })
    this.#tell(vm, verdict)
    await this.#write(vm, notes, verdict)
    this.#schedule(key, notes, troubles, outcomes)
    this.#answer(key, { ok: troubles.length === 0, message: verdict.message })
  }

  #schedule(key: string, notes: readonly VMRecordNote[], troubles: readonly Trouble[], outcomes: ReadonlyMap<string, DnsOutcome>): void {
    const { queue, clock, directory } = this.#o
    if (notes.every((note) => note.synced) && troubles.length === 0) {
      const since = this.#since.get(key)
      if (since !== undefined) this.#o.observeLag?.((clock.now() - since) / 1000)
      this.#since.delete(key)
      queue.forget(key)
      return
    }
    // A zone in trouble wakes its VMs when it is well again; a record in trouble has only its VM to try it again.
    const own = troublesIn(outcomes).some(
      ({ zone, reason }) => reason !== 'RecordTaken' && (zone === undefined || directory.get(zone)?.trouble === undefined),
    )
    if (own) queue.retry(key)
    else queue.addAfter(key, patienceMs)
  }

  /** Another VM of ours that has the record, and had it first. Without marks (ownership None) nothing else tells them apart. */
  #rivalOf(vm: ProxmoxVM, wanted: Wanted): { id: string; trouble: Trouble }[] {
    const id = idOf(wanted)
    const mine = notesOf(vm).find((note) => recordId(note) === id)
    const rival = this.#holders(id).find((other) => other.metadata.uid !== vm.metadata.uid && isBefore(other, vm, id, mine))
    if (rival === undefined) return []
    const { type, name } = wanted.set
    return [{ id, trouble: { reason: 'RecordTaken', zone: wanted.zone, message: `${type} ${name} belongs to ProxmoxVM ${keyOf(rival)}` } }]
  }

  #changed({ key, old, new: now }: { key: string; old?: ProxmoxVM; new?: ProxmoxVM }, signal: AbortSignal): void {
    this.#o.queue.add(key)
    if (old === undefined) return
    if (now === undefined) this.#released.delete(old.metadata.uid ?? '')
    const still = new Set(now === undefined ? [] : notesOf(now).map(recordId))
    if (notesOf(old).every((note) => still.has(recordId(note)))) return
    // A record became free: whoever was kept from it may have it now.
    for (const vm of this.#keptOut('RecordTaken')) this.#o.queue.add(keyOf(vm))
    if (now === undefined && old.spec.deletionPolicy !== 'Orphan' && !isLetGo(old)) void handOverOfGone(old, this.#o, signal)
  }

  #unconfirmed(): ReadonlySet<string> {
    return new Set(this.#o.directory.list().flatMap(({ object, provider }) => (provider?.confirms === false ? [object.metadata.name] : [])))
  }

  #tell(vm: ProxmoxVM, verdict: DnsVerdict): void {
    const before = dnsConditionOf(vm)?.reason
    if (verdict.reason === before) return
    if (verdict.reason === 'RecordTaken') this.#o.events.record(vm, 'Warning', 'DNSConflict', verdict.message)
    else if (verdict.status === 'True' && before !== undefined && before !== 'NoZone')
      this.#o.events.record(vm, 'Normal', 'DNSSynced', verdict.message)
  }

  async #write(vm: ProxmoxVM, notes: readonly VMRecordNote[], verdict: DnsVerdict): Promise<ProxmoxVM> {
    const patch = statusPatch(vm, notes, verdict, new Date(this.#o.clock.now()).toISOString())
    if (patch === undefined) return vm
    const written = await this.#o.client.apply(proxmoxVMs, patch as ProxmoxVM, { subresource: 'status', fieldManager: 'pve-operator-dns' })
    this.#o.vms.put(written)
    return written
  }

  #answer(key: string, report: SyncReport): void {
    for (const tell of this.#waiting.get(key) ?? []) tell(report)
    this.#waiting.delete(key)
  }
}

/** What is to be on record before the server is asked: everything wanted, and what was noted and is to go. */
function intentOf(wanted: readonly Wanted[], notes: readonly VMRecordNote[]): VMRecordNote[] {
  const known = new Map(notes.map((note) => [recordId(note), note]))
  const target = wanted.map((each): VMRecordNote => {
    const note = {
      zone: each.zone,
      name: each.set.name,
      type: each.set.type,
      values: [...each.set.values],
      ttl: each.set.ttlSeconds,
      synced: true,
    }
    const before = known.get(idOf(each))
    return before !== undefined && sameNote(before, note) ? before : { ...note, synced: false }
  })
  const ids = new Set(wanted.map(idOf))
  return [...target, ...notes.filter((note) => !ids.has(recordId(note))).map((note) => ({ ...note, synced: false }))]
}

/** The note of a record after the work on it; none when there is nothing left to remember. */
function afterwards(note: VMRecordNote, outcome: DnsOutcome | undefined, isWanted: boolean): VMRecordNote[] {
  if (!isWanted) return outcome?.is === 'gone' || outcome?.is === 'lost' ? [] : [note]
  return [{ ...note, synced: outcome?.is === 'right' }]
}

const troublesIn = (outcomes: ReadonlyMap<string, DnsOutcome>): Trouble[] => {
  const troubles = [...outcomes.values()].flatMap((outcome) => (outcome.is === 'trouble' ? [outcome.trouble] : []))
  return [...new Map(troubles.map((trouble) => [`${trouble.zone} ${trouble.message}`, trouble])).values()]
}

/** Whether the other VM comes before this one with a record both have noted: the one that has it, else the older object. */
function isBefore(other: ProxmoxVM, vm: ProxmoxVM, id: string, mine: VMRecordNote | undefined): boolean {
  const theirs = notesOf(other).find((note) => recordId(note) === id)
  if (mine === undefined || theirs?.synced !== mine.synced) return mine === undefined || theirs?.synced === true
  const age = (each: ProxmoxVM): string => `${each.metadata.creationTimestamp ?? ''} ${each.metadata.uid ?? ''}`
  return age(other) < age(vm)
}
