export interface VmidRange {
  readonly from: number
  readonly to: number
}

/** How many numbers one write to ProxmoxCluster.status reserves. */
const blockSize = 100

/** The part of `inner` that lies within `outer`; undefined when they do not meet. */
export function within(outer: VmidRange, inner: VmidRange | undefined): VmidRange | undefined {
  if (inner === undefined) return outer
  const from = Math.max(outer.from, inner.from)
  const to = Math.min(outer.to, inner.to)
  return from <= to ? { from, to } : undefined
}

/** The first number after `last` that is not taken: ascending, once around the range. Undefined: all are taken. */
export function nextVmid(range: VmidRange, last: number | undefined, isTaken: (vmid: number) => boolean): number | undefined {
  const size = range.to - range.from + 1
  const start = last === undefined || last < range.from || last >= range.to ? range.from : last + 1
  for (let step = 0; step < size; step += 1) {
    const vmid = range.from + ((start - range.from + step) % size)
    if (!isTaken(vmid)) return vmid
  }
  return undefined
}

/**
 * Where the cursor of a range stands while numbers are handed out from a reserved block. What a former process had reserved is
 * skipped, used or not, so that no number comes back before the range has wrapped.
 */
export interface VmidCursor {
  /** The last number given out, or the end of what a former process had reserved. */
  readonly last: number | undefined
  /** Up to here ProxmoxCluster.status says "reserved". */
  readonly reservedUpTo: number | undefined
}

export type VmidChoice =
  | { readonly is: 'free'; readonly vmid: number }
  /** This must be in status before the number is used. */
  | { readonly is: 'reserve'; readonly vmid: number; readonly reserveUpTo: number }
  | { readonly is: 'exhausted' }

export function chooseVmid(range: VmidRange, cursor: VmidCursor, isTaken: (vmid: number) => boolean): VmidChoice {
  const vmid = nextVmid(range, cursor.last, isTaken)
  if (vmid === undefined) return { is: 'exhausted' }
  const { last, reservedUpTo } = cursor
  const ascending = last !== undefined && vmid > last
  if (ascending && reservedUpTo !== undefined && vmid <= reservedUpTo) return { is: 'free', vmid }
  return { is: 'reserve', vmid, reserveUpTo: Math.min(vmid + blockSize - 1, range.to) }
}
