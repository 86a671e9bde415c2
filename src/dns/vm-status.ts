import type { Condition } from '../api/object.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { VMRecordNote } from '../api/vm-dns.ts'
import type { DnsVerdict } from './verdict.ts'

/** The one condition of a ProxmoxVM that this room writes; the engine passes it through. */
export const dnsCondition = 'DNSSynced'

export const notesOf = (vm: ProxmoxVM): readonly VMRecordNote[] => vm.status?.dns?.records ?? []
export const dnsConditionOf = (vm: ProxmoxVM): Condition | undefined => vm.status?.conditions?.find((each) => each.type === dnsCondition)

/** On whose behalf records are written and removed. Records of a guest that was taken over have the mark of the object it was taken over from. */
export function actorOf({ metadata, status }: ProxmoxVM): { readonly uid: string; readonly former?: string } {
  const { takenAt, fromUID } = status?.adoption ?? {}
  return { uid: metadata.uid ?? '', ...(takenAt !== undefined && fromUID !== undefined && { former: fromUID }) }
}

/**
 * Whether records of the VM are still in DNS, so that its finalizer must stay. It never stays for long: after a deadline they are handed to
 * their zone. Under Orphan they stay with the VM.
 */
export const dnsHolds = (vm: ProxmoxVM): boolean => notesOf(vm).length > 0 && vm.spec.deletionPolicy !== 'Orphan'

/**
 * Whether a record is still to be written or removed, be it under way, queued, or waiting for its server: what localStatus shows as
 * `set_dns_records` on a VM that is ready otherwise.
 */
export const dnsUnderWay = (vm: ProxmoxVM): boolean =>
  dnsConditionOf(vm)?.reason === 'Synchronising' || notesOf(vm).some((note) => !note.synced)

export const sameNote = (a: VMRecordNote, b: VMRecordNote): boolean =>
  a.zone === b.zone &&
  a.name === b.name &&
  a.type === b.type &&
  a.ttl === b.ttl &&
  a.synced === b.synced &&
  a.values.length === b.values.length &&
  a.values.every((value, at) => value === b.values[at])

export const sameNotes = (a: readonly VMRecordNote[], b: readonly VMRecordNote[]): boolean =>
  a.length === b.length && a.every((note, at) => b[at] !== undefined && sameNote(note, b[at]))

export const recordId = (record: { zone: string; name: string; type: string }): string => `${record.zone} ${record.type} ${record.name}`

/** Our part of the status, as an object to apply; undefined when the server has it already. */
export function statusPatch(
  vm: ProxmoxVM,
  notes: readonly VMRecordNote[],
  verdict: DnsVerdict,
  nowIso: string,
): Partial<ProxmoxVM> | undefined {
  const before = dnsConditionOf(vm)
  const isSaid = before?.status === verdict.status && before.reason === verdict.reason && before.message === verdict.message
  const isNoted = vm.status?.dns !== undefined && sameNotes(notesOf(vm), notes)
  if (isSaid && isNoted) return undefined
  const { name, namespace, uid, generation } = vm.metadata
  const condition: Condition = {
    type: dnsCondition,
    ...verdict,
    lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : nowIso,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  }
  return {
    apiVersion: vm.apiVersion,
    kind: vm.kind,
    metadata: { name, ...(namespace && { namespace }), ...(uid && { uid }) },
    status: { dns: { records: [...notes] }, conditions: [condition] },
  }
}
