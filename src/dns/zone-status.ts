import type { DNSZone, DNSZoneStatus } from '../api/dnszone.ts'
import type { Condition } from '../api/object.ts'
import type { ZoneCondition } from '../api/condition-words.ts'
import type { Reason } from '../api/reasons.ts'
import { zoneConditions } from '../api/condition-words.ts'
import { isSameJson } from '../kube/json.ts'
import { providerOf } from './providers/providers.ts'
import type { Trouble } from './verdict.ts'

/** What is known of a zone, for its status. */
export interface ZoneKnowledge {
  readonly trouble?: Trouble
  readonly serial?: number
  readonly checkedAtMs?: number
  /** Record sets of VMs in it. */
  readonly records: number
  /** VMs that have some. */
  readonly vms: number
}

type Said = Omit<Condition, 'type' | 'lastTransitionTime'> & { readonly reason: Reason }

/** Waiting is enough for these; all others need a person. */
const passing: ReadonlySet<Reason> = new Set<Reason>(['DNSUnreachable', 'DNSRateLimited', 'DNSServerFailed'])

/** A date in the status is news only after so long: an idle zone is not written every minute. */
const staleMs = 3_600_000

/** The old status and what is known → the new status. Orphans and whatever else is in it pass through. */
export function zoneStatusOf(zone: DNSZone, old: DNSZoneStatus, known: ZoneKnowledge, nowMs: number): DNSZoneStatus {
  const nowIso = new Date(nowMs).toISOString()
  const generation = zone.metadata.generation
  const verdicts = verdictsOf(zone, old, known)
  const conditions = zoneConditions.flatMap((type): Condition[] => {
    const said = verdicts.get(type)
    if (said === undefined) return []
    const before = old.conditions?.find((each) => each.type === type)
    const lastTransitionTime = before?.status === said.status ? before.lastTransitionTime : nowIso
    return [{ type, ...said, lastTransitionTime, ...(generation === undefined ? {} : { observedGeneration: generation }) }]
  })
  const body: DNSZoneStatus = {
    ...old,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    provider: providerOf(zone),
    records: known.records,
    conditions,
    ...(known.serial === undefined ? {} : { serial: known.serial }),
  }
  const isStale = nowMs - Date.parse(old.checkedAt ?? '1970-01-01') > staleMs
  const isNews = isStale || !isSameJson(withoutDate(body), withoutDate(old))
  return isNews && known.checkedAtMs !== undefined ? { ...body, checkedAt: new Date(known.checkedAtMs).toISOString() } : body
}

const withoutDate = (status: DNSZoneStatus): DNSZoneStatus => ({ ...status, checkedAt: '' })

function verdictsOf(zone: DNSZone, old: DNSZoneStatus, { trouble, vms, records }: ZoneKnowledge): Map<ZoneCondition, Said> {
  const orphans = old.orphans?.length ?? 0
  if (trouble !== undefined) {
    const { reason, message } = trouble
    const isReachable = reason === 'DNSUnreachable' ? 'False' : reason === 'DNSCredentialsNotFound' ? 'Unknown' : 'True'
    return new Map<ZoneCondition, Said>([
      ['Ready', { status: 'False', reason, message }],
      ['Reachable', { status: isReachable, reason, message }],
      [passing.has(reason) ? 'Reconciling' : 'Stalled', { status: 'True', reason, message }],
    ])
  }
  const reachable: Said = { status: 'True', reason: 'ZoneReady', message: 'the server answers' }
  if (zone.metadata.deletionTimestamp === undefined) {
    const message = orphans === 0 ? 'records are kept' : `records are kept; those of ${orphans} deleted VMs are still being removed`
    return new Map<ZoneCondition, Said>([
      ['Ready', { status: 'True', reason: 'ZoneReady', message }],
      ['Reachable', reachable],
    ])
  }
  const message = `${vms} VMs have ${records} record sets here and ${orphans} deleted ones some more; the zone goes with the last of them`
  const leaving: Said = { status: 'False', reason: 'InUse', message }
  return new Map<ZoneCondition, Said>([
    ['Ready', leaving],
    ['Reachable', reachable],
    ['Reconciling', { ...leaving, status: 'True' }],
  ])
}
