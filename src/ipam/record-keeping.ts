/** What has to be done with the objects of addresses that nobody holds, and when to look again (pure). */
import type { PoolAddress } from '../api/pooladdress.ts'
import { isProtected, releasedAtMs } from './records.ts'

export interface Keeping {
  /** Cooling ones that have rested: their state becomes Released. */
  readonly rested: PoolAddress[]
  /** Their record has been kept long enough. */
  readonly expired: PoolAddress[]
  /** Deleted by somebody, held by our finalizer only: to be freed. */
  readonly freed: PoolAddress[]
  /** When the next one is due, in ms since the epoch. */
  readonly nextMs: number
}

export function keepingOf(
  addresses: readonly PoolAddress[],
  o: { nowMs: number; reuseAfterMs: number; keepRecordsMs: number; isLiving: (uid: string) => boolean },
): Keeping {
  const keeping = { rested: [] as PoolAddress[], expired: [] as PoolAddress[], freed: [] as PoolAddress[], nextMs: Infinity }
  // A record that went before its address has rested would let the address be given out early.
  const keepMs = Math.max(o.keepRecordsMs, o.reuseAfterMs)
  for (const address of addresses) {
    if (isFreedByHand(address, o.isLiving)) keeping.freed.push(address)
    if (address.spec.claimRef || address.spec.inUse || address.metadata.deletionTimestamp !== undefined) continue
    const atMs = releasedAtMs(address)
    const dues = [atMs + keepMs, ...(address.spec.state === 'Cooling' ? [atMs + o.reuseAfterMs] : [])]
    if (atMs + keepMs <= o.nowMs) keeping.expired.push(address)
    else if (address.spec.state === 'Cooling' && atMs + o.reuseAfterMs <= o.nowMs) keeping.rested.push(address)
    for (const due of dues) if (due > o.nowMs) keeping.nextMs = Math.min(keeping.nextMs, due)
  }
  return keeping
}

/**
 * An admin deleted the object of an orphan, of an address nobody holds, or of one whose holder is no object any more (a restore brought other
 * uids). One of a living object waits until its VM gives it back. Should a guest still show it, it is in use from then on.
 */
export function isFreedByHand(address: PoolAddress, isLiving: (uid: string) => boolean): boolean {
  const { claimRef, orphaned } = address.spec
  if (address.metadata.deletionTimestamp === undefined || !isProtected(address)) return false
  return !claimRef || orphaned === true || !isLiving(claimRef.uid)
}
