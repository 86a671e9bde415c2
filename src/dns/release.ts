import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { VMRecordNote } from '../api/vm-dns.ts'
import type { EventRecorder } from '../kube/events.ts'
import { keyOf } from '../kube/keys.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Clock } from '../ops/clock.ts'
import type { DnsOutcome, RecordSync } from './sync.ts'
import { type DnsVerdict, type Trouble, verdictOf } from './verdict.ts'
import { actorOf, notesOf, recordId } from './vm-status.ts'
import type { ZoneRecords } from './zone-records.ts'

interface Hands {
  readonly sync: RecordSync
  readonly records: ZoneRecords
  readonly queue: WorkQueue
  readonly events: Pick<EventRecorder, 'record'>
  readonly clock: Clock
  readonly releaseSeconds?: number
  /** For how long it has been on its way out. */
  readonly leavingForMs: number
  write(vm: ProxmoxVM, notes: readonly VMRecordNote[], verdict: DnsVerdict): Promise<ProxmoxVM>
}

/** Long enough for a server to be restarted, short enough that nobody waits for a VM to go. */
const usualReleaseSeconds = 60
const againMs = 5_000

/**
 * Takes the records of a VM that is being deleted out of DNS, beside everything else its end takes. When the deadline has passed they are
 * handed to their zones, which go on trying: DNS holds nobody up, and nothing is forgotten.
 */
export async function release(vm: ProxmoxVM, hands: Hands): Promise<void> {
  const notes = notesOf(vm)
  if (notes.length === 0 || vm.spec.deletionPolicy === 'Orphan') return
  // Policy Remove waits for somebody to stop the VM; until then it serves under its name.
  if (vm.spec.deletionPolicy === 'Remove' && vm.status?.remoteStatus === 'running') return
  const outcomes = await hands.sync.run({ ...actorOf(vm), wanted: [], removals: notes })
  const lost = notes.filter((note) => outcomes.get(recordId(note))?.is === 'lost')
  if (lost.length > 0) hands.events.record(vm, 'Warning', 'DNSRecordsLeft', `no DNSZone serves these records any more: ${listed(lost)}`)
  const left = notes.filter((note) => isLeft(outcomes.get(recordId(note))))
  const troubles = left.flatMap((note): Trouble[] => {
    const outcome = outcomes.get(recordId(note))
    return outcome?.is === 'trouble' ? [outcome.trouble] : []
  })
  const isOver = left.length > 0 && hands.leavingForMs >= (hands.releaseSeconds ?? usualReleaseSeconds) * 1000
  const kept = isOver ? await handOver(vm, left, hands, troubles[0]?.message) : left
  if (kept.length > 0) hands.queue.addAfter(keyOf(vm), againMs)
  const pending = kept.length === 0 ? [] : troubles.slice(0, 1)
  const verdict = verdictOf({ notes: kept, troubles: pending, homeless: [], unconfirmed: new Set() })
  await hands.write(
    vm,
    kept.map((note) => ({ ...note, synced: false })),
    kept.length === 0
      ? {
          status: 'True',
          reason: 'RecordsRemoved',
          message: isOver ? 'the zones continue to remove the records' : 'the records are removed',
        }
      : verdict,
  )
}

const isLeft = (outcome: DnsOutcome | undefined): boolean => outcome === undefined || outcome.is === 'trouble' || outcome.is === 'waits'

/** Gives records to their zones to be removed; answers with those no zone could take, which stay with the VM. */
export async function handOver(
  vm: ProxmoxVM,
  notes: readonly VMRecordNote[],
  hands: Pick<Hands, 'records' | 'events' | 'clock'>,
  why = 'the VM was deleted before its records',
): Promise<VMRecordNote[]> {
  const kept: VMRecordNote[] = []
  for (const ref of new Set(notes.map((note) => note.zone))) {
    const mine = notes.filter((note) => note.zone === ref)
    const records = mine.map(({ name, type, values }) => ({ name, type, values }))
    const since = new Date(hands.clock.now()).toISOString()
    const orphan = { vm: keyOf(vm), uid: vm.metadata.uid ?? '', since, records }
    if (await hands.records.adopt(ref, orphan))
      hands.events.record(vm, 'Warning', 'DNSOrphaned', `DNSZone ${ref} continues to remove ${listed(mine)}: ${why}`)
    else kept.push(...mine)
  }
  return kept
}

/**
 * The same for a VM whose object went without us, its finalizer removed by force: nobody else remembers its records, so it is tried until each
 * zone there is has them, or the signal aborts.
 */
export async function handOverOfGone(
  vm: ProxmoxVM,
  hands: Pick<Hands, 'records' | 'events' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  for (let left = notesOf(vm); left.length > 0 && !signal.aborted; ) {
    const tried = left
    left = await handOverServed(vm, tried, hands).catch(() => tried)
    if (left.length > 0) await hands.clock.sleep(againMs, signal)
  }
}

/** Records of a zone that no longer exists are dropped; the others are handed over. */
async function handOverServed(
  vm: ProxmoxVM,
  notes: readonly VMRecordNote[],
  hands: Pick<Hands, 'records' | 'events' | 'clock'>,
): Promise<VMRecordNote[]> {
  const served = new Set<string>()
  for (const zone of new Set(notes.map((note) => note.zone))) if (await hands.records.has(zone)) served.add(zone)
  return await handOver(
    vm,
    notes.filter(({ zone }) => served.has(zone)),
    hands,
  )
}

const listed = (notes: readonly VMRecordNote[]): string =>
  notes.map((note) => `${note.type} ${note.name} ${note.values.join(' ')}`).join(', ')
