import type { VMRecordNote } from '../api/vm-dns.ts'
import type { Condition } from '../api/object.ts'
import type { Reason } from '../api/reasons.ts'
import type { FaultKind } from './providers/provider.ts'

/** What is in the way of some records. */
export interface Trouble {
  readonly reason: Reason
  readonly message: string
  /** The DNSZone it happened in; absent when the VM itself is to blame. */
  readonly zone?: string
}

export const reasonOfFault: Readonly<Record<FaultKind, Reason>> = {
  unreachable: 'DNSUnreachable',
  'wrong-key': 'DNSKeyRefused',
  refused: 'DNSRefused',
  'wrong-zone': 'ZoneNotServed',
  'clock-skew': 'ClockSkew',
  'rate-limited': 'DNSRateLimited',
  invalid: 'DNSInvalid',
  server: 'DNSServerFailed',
}

/** Faults after which the whole zone is left alone until a probe finds it well again; the others may be about one record only. */
export const isOfWholeZone = (kind: FaultKind): boolean =>
  kind === 'unreachable' || kind === 'wrong-key' || kind === 'wrong-zone' || kind === 'clock-skew' || kind === 'rate-limited'

export interface DnsState {
  readonly notes: readonly VMRecordNote[]
  readonly troubles: readonly Trouble[]
  readonly homeless: readonly string[]
  /** Zones whose server never confirms (externalDNS). */
  readonly unconfirmed: ReadonlySet<string>
}

export type DnsVerdict = Pick<Condition, 'status' | 'message'> & { readonly reason: Reason }

/** The condition DNSSynced: one sentence for people, stable as long as nothing changes, since it is written to the status. */
export function verdictOf({ notes, troubles, homeless, unconfirmed }: DnsState): DnsVerdict {
  const [first] = troubles
  if (first !== undefined) return { status: 'False', reason: first.reason, message: sentence(troubles.map(told)) }
  const open = notes.filter((note) => !note.synced)
  if (open.length > 0) return { status: 'False', reason: 'Synchronising', message: sentence([`${listed(open)} on the way`]) }
  const nowhere = homeless.length === 0 ? [] : [`no zone for ${homeless.join(', ')}`]
  if (notes.length === 0)
    return { status: 'True', reason: 'NoZone', message: sentence(nowhere.length > 0 ? nowhere : ['nothing to write']) }
  const delegated = notes.some((note) => unconfirmed.has(note.zone))
  if (delegated)
    return {
      status: 'Unknown',
      reason: 'Delegated',
      message: sentence(['external-dns has the records and does not report whether they are in DNS', ...nowhere]),
    }
  return { status: 'True', reason: 'Synced', message: sentence([`${notes.length} record sets are in DNS`, ...nowhere]) }
}

const told = ({ zone, message }: Trouble): string => (zone === undefined ? message : `DNSZone ${zone}: ${message}`)
const listed = (notes: readonly VMRecordNote[]): string => {
  const names = notes.slice(0, 4).map((note) => `${note.type} ${note.name}`)
  return names.join(', ') + (notes.length > names.length ? ` and ${notes.length - names.length} more` : '')
}
const sentence = (parts: readonly string[]): string => parts.join('; ').slice(0, 1000)
