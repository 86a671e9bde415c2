import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { DNSZone, Orphan } from '../api/dnszone.ts'
import type { VMRecordNote } from '../api/vm-dns.ts'
import { differenceTo, differenceToNone, type Rules } from './difference.ts'
import type { RecordType } from './marks.ts'
import type { DnsChange, Found, RecordKey } from './providers/provider.ts'
import { ownershipOf } from './providers/providers.ts'
import { notesOf } from './vm-status.ts'

/** A record that should be in the zone as it is noted. */
export interface Expected {
  readonly vm: ProxmoxVM
  readonly note: VMRecordNote
  readonly key: RecordKey
}

const typed = (type: string): RecordType | undefined => (['A', 'AAAA', 'PTR'] as const).find((each) => each === type)

/** What the statuses of the VMs say that this zone has. Records under way are their VM's own business. */
export function expectedIn(ref: string, vms: readonly ProxmoxVM[]): Expected[] {
  return vms
    .filter((vm) => vm.metadata.deletionTimestamp === undefined)
    .flatMap((vm) =>
      notesOf(vm).flatMap((note): Expected[] => {
        const type = typed(note.type)
        return note.zone === ref && note.synced && type !== undefined ? [{ vm, note, key: { name: note.name, type } }] : []
      }),
    )
}

/** The VMs whose records are not as noted: changed by hand, deleted, or taken by somebody. */
export function driftedVMs(zone: DNSZone, expected: readonly Expected[], found: readonly Found[]): Set<ProxmoxVM> {
  const drifted = new Set<ProxmoxVM>()
  for (const [at, { vm, note, key }] of expected.entries()) {
    const seen = found[at]
    if (seen === undefined) continue
    const want = { ...key, values: note.values, ttlSeconds: note.ttl }
    if (differenceTo(want, seen, rulesFor(zone, vm.metadata.uid ?? '')).is !== 'same') drifted.add(vm)
  }
  return drifted
}

export interface OrphanRecord {
  readonly orphan: Orphan
  readonly record: Orphan['records'][number]
  readonly key: RecordKey
}

export const orphanRecords = (orphans: readonly Orphan[]): OrphanRecord[] =>
  orphans.flatMap((orphan) =>
    orphan.records.flatMap((record): OrphanRecord[] => {
      const type = typed(record.type)
      return type === undefined ? [] : [{ orphan, record, key: { name: record.name, type } }]
    }),
  )

/** What must still be removed, and what is gone or somebody else's by now. */
export function orphanChanges(
  zone: DNSZone,
  orphans: readonly OrphanRecord[],
  found: readonly Found[],
): { changes: Map<OrphanRecord, DnsChange>; gone: Set<OrphanRecord> } {
  const changes = new Map<OrphanRecord, DnsChange>()
  const gone = new Set<OrphanRecord>()
  for (const [at, each] of orphans.entries()) {
    const seen = found[at]
    if (seen === undefined) continue
    const difference = differenceToNone(each.record, seen, rulesFor(zone, each.orphan.uid))
    if (difference.is === 'change') changes.set(each, difference.change)
    else gone.add(each)
  }
  return { changes, gone }
}

/** The list without what is gone. Two deleted VMs may have left a record of one name; that of one being gone says nothing of the other's. */
export function leftOf(orphans: readonly Orphan[], gone: ReadonlySet<OrphanRecord>): Orphan[] {
  const idOf = ({ uid }: Orphan, { type, name }: Orphan['records'][number]): string => `${uid} ${type} ${name}`
  const settled = new Set([...gone].map(({ orphan, record }) => idOf(orphan, record)))
  return orphans.flatMap((orphan) => {
    const records = orphan.records.filter((record) => !settled.has(idOf(orphan, record)))
    return records.length === 0 ? [] : [{ ...orphan, records }]
  })
}

const rulesFor = (zone: DNSZone, uid: string): Rules => ({ uid, ownership: ownershipOf(zone), adopt: false })
