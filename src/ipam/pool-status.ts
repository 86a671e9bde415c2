/** What a pool says of itself (pure). */
import { countText } from '../api/count-text.ts'
import type { IPPool, IPPoolStatus } from '../api/ippool.ts'
import type { Condition } from '../api/object.ts'
import type { PoolCondition } from '../api/condition-words.ts'
import type { Reason } from '../api/reasons.ts'
import type { Unseen } from './in-use.ts'
import { timeOf } from './records.ts'

export interface PoolFacts {
  /** Why the pool gives nothing: a sentence that names the field. */
  readonly problem: string | undefined
  /** Absent while there is a problem. */
  readonly counts: { total: bigint; free: bigint; cooling: number; inUse: number; reserved: number } | undefined
  /** Orphaned ones included. */
  readonly allocated: number
  /** Of these, no longer asked for and perhaps still used by their guest. */
  readonly releasing: number
  /** Some of those who hold addresses, `namespace/name`, for the message of a pool that is being deleted. */
  readonly holders: readonly string[]
  /** Pools of the same scope with some of the same addresses, each as a phrase. */
  readonly overlaps: readonly string[]
  /** Addresses in use that stay so until somebody acts. */
  readonly unseen: readonly Unseen[]
  readonly waiting: number
  /** When the next cooling address becomes free, in ms since the epoch. */
  readonly nextFreeMs: number | undefined
}

interface Verdict {
  readonly type: PoolCondition
  readonly status: boolean
  readonly reason: Reason
  readonly message: string
}

/** The status of the pool, or undefined when it says so already. */
export function statusOf(pool: IPPool, facts: PoolFacts, nowMs: number): IPPoolStatus | undefined {
  const generation = pool.metadata.generation ?? 0
  const before = pool.status?.conditions ?? []
  const { counts } = facts
  const status: IPPoolStatus = {
    observedGeneration: generation,
    ...(counts && { total: countText(counts.total) }),
    allocated: String(facts.allocated),
    releasing: String(facts.releasing),
    ...(counts && {
      free: countText(counts.free),
      cooling: String(counts.cooling),
      inUse: String(counts.inUse),
      reserved: String(counts.reserved),
    }),
    conditions: verdictsOn(pool, facts).map((verdict) => asCondition(verdict, before, generation, nowMs)),
  }
  return sameStatus(pool.status, status) ? undefined : status
}

/** kstatus: exactly one of Ready=True, Reconciling and Stalled. An exhausted pool is Ready: it is as declared. */
function verdictsOn(pool: IPPool, facts: PoolFacts): Verdict[] {
  const verdicts: Verdict[] = []
  if (pool.metadata.deletionTimestamp !== undefined) {
    const who = facts.holders.length > 0 ? ` (${facts.holders.join(', ')})` : ''
    const message = `the pool is being deleted and allocates no addresses; it is deleted when the ${facts.allocated} held ones${who} are released`
    verdicts.push(
      { type: 'Ready', status: false, reason: 'PoolDeleting', message },
      { type: 'Reconciling', status: true, reason: 'InUse', message },
    )
  } else if (facts.problem !== undefined) {
    const message = `the pool allocates no addresses until you correct this: ${facts.problem}`
    verdicts.push(
      { type: 'Ready', status: false, reason: 'PoolInvalid', message },
      { type: 'Stalled', status: true, reason: 'PoolInvalid', message },
    )
  } else {
    const message = ['the pool can allocate addresses', ...facts.unseen.map(unseenText)].join('; ')
    verdicts.push({ type: 'Ready', status: true, reason: 'PoolReady', message })
  }
  if (facts.counts) verdicts.push(exhaustion(facts, facts.counts.free))
  const [one] = facts.overlaps
  verdicts.push(
    one === undefined
      ? { type: 'Overlapping', status: false, reason: 'NotOverlapping', message: 'no other pool of the same scope has these addresses' }
      : {
          type: 'Overlapping',
          status: true,
          reason: 'Overlapping',
          message: `${facts.overlaps.join('; ')}. No address is allocated twice; an admin should separate the pools`,
        },
  )
  return verdicts
}

/** Who may still use them, and what a person can do. */
const unseenText = ({ cluster, count }: Unseen): string =>
  `${count} address${count === 1 ? ' stays' : 'es stay'} InUse because ProxmoxCluster ${cluster}, whose guests used ${count === 1 ? 'it' : 'them'}, no longer exists: create it again, or make sure that the guests are gone and delete the PoolAddress objects`

function exhaustion({ waiting, nextFreeMs }: PoolFacts, free: bigint): Verdict {
  if (free > 0n) return { type: 'Exhausted', status: false, reason: 'NotExhausted', message: 'addresses are free' }
  const wait = waiting === 0 ? '' : `; ${waiting} address${waiting === 1 ? ' is' : 'es are'} waited for`
  const next = nextFreeMs === undefined ? '' : `; the next one becomes free at ${timeOf(nextFreeMs)} (reuseAfter)`
  return { type: 'Exhausted', status: true, reason: 'Exhausted', message: `no address is free${wait}${next}; an admin can add ranges` }
}

function asCondition(verdict: Verdict, before: readonly Condition[], generation: number, nowMs: number): Condition {
  const { type, reason, message } = verdict
  const status = verdict.status ? 'True' : 'False'
  const old = before.find((condition) => condition.type === type)
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : timeOf(nowMs)
  return { type, status, reason, message, lastTransitionTime, observedGeneration: generation }
}

function sameStatus(a: IPPoolStatus | undefined, b: IPPoolStatus): boolean {
  const text = (status: IPPoolStatus): string =>
    JSON.stringify([
      status.observedGeneration,
      status.total,
      status.allocated,
      status.releasing,
      status.free,
      status.cooling,
      status.inUse,
      status.reserved,
      status.conditions?.map(({ type, status: is, reason, message, observedGeneration }) => [
        type,
        is,
        reason,
        message,
        observedGeneration,
      ]),
    ])
  return a !== undefined && text(a) === text(b)
}
