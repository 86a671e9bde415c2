import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { namespaceAllowed } from '../ipam/allowed-namespaces.ts'
import { type Subject, type Wanted, dnsWishOf } from './records.ts'
import type { Trouble } from './verdict.ts'
import { notesOf, recordId } from './vm-status.ts'
import { type LiveZone, wantedZone } from './zone-directory.ts'

/** Which records go where, and why some go nowhere. */
export interface ZonePlacement {
  readonly wanted: readonly Wanted[]
  readonly troubles: readonly Trouble[]
  readonly homeless: readonly string[]
}

function subjectOf({ spec, status }: ProxmoxVM): Subject {
  const ptrs = new Map((spec.addresses ?? []).map((entry) => [entry.name, entry.ptr]))
  const addresses = (status?.addresses ?? [])
    .filter(({ state }) => !state)
    .map(({ name, address }) => {
      const ptr = ptrs.get(name)
      return { entry: name, address, ...(ptr === undefined ? {} : { ptr }) }
    })
  return { addresses, ...(status?.hostname === undefined ? {} : { hostname: status.hostname }) }
}

export const idOf = ({ zone, set }: Wanted): string => recordId({ zone, name: set.name, type: set.type })

/**
 * The VM's records in the zones there are. A zone that does not serve the namespace, or is being deleted, gets nothing new and keeps what it
 * has; it is still the right place, so the record does not go to its parent instead.
 */
export function placementOf(vm: ProxmoxVM, zones: readonly LiveZone[], namespaceLabels: Readonly<Record<string, string>>): ZonePlacement {
  const wish = dnsWishOf(
    subjectOf(vm),
    zones.map(({ object }) => wantedZone(object)),
  )
  const noted = new Set(notesOf(vm).map(recordId))
  const closed = new Map(zones.flatMap(({ object }) => closure(object, namespaceLabels)))
  const open = wish.wanted.filter((each) => !closed.has(each.zone) || noted.has(idOf(each)))
  const isElsewhere = ({ set }: Wanted): boolean => open.some((each) => each.set.name === set.name && each.set.type === set.type)
  const shut = wish.wanted.filter((each) => !open.includes(each) && !isElsewhere(each)).flatMap((each) => closed.get(each.zone) ?? [])
  const invalid = wish.problems.map((message): Trouble => ({ reason: 'NameInvalid', message }))
  return { wanted: open, homeless: wish.homeless, troubles: [...invalid, ...new Map(shut.map((each) => [each.message, each])).values()] }
}

function closure(
  { metadata: { name, deletionTimestamp }, spec }: LiveZone['object'],
  labels: Readonly<Record<string, string>>,
): [string, Trouble][] {
  if (deletionTimestamp !== undefined)
    return [[name, { reason: 'ZoneDeleting', zone: name, message: `${spec.zone} is being deleted and accepts no new records` }]]
  if (namespaceAllowed(spec.allowedNamespaces, labels)) return []
  return [[name, { reason: 'ZoneNotAllowed', zone: name, message: `${spec.zone} does not serve this namespace` }]]
}
