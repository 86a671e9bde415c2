/** Sets of whole numbers kept as intervals: a /32 of IPv6 costs as much as one address (pure, immutable). */

/** Both ends belong to it; `from <= to`. */
export interface Interval {
  readonly from: bigint
  readonly to: bigint
}

export class IntervalSet {
  /** Ascending, and neither overlapping nor touching. */
  readonly intervals: readonly Interval[]
  readonly size: bigint

  private constructor(intervals: readonly Interval[]) {
    this.intervals = intervals
    this.size = intervals.reduce((sum, { from, to }) => sum + to - from + 1n, 0n)
  }

  /** Of any intervals, in any order, overlapping or not. */
  static of(intervals: readonly Interval[]): IntervalSet {
    const sorted = intervals.toSorted((a, b) => compare(a.from, b.from))
    const merged: Interval[] = []
    for (const next of sorted) {
      const last = merged.at(-1)
      if (last && next.from <= last.to + 1n) merged[merged.length - 1] = { from: last.from, to: next.to > last.to ? next.to : last.to }
      else merged.push(next)
    }
    return new IntervalSet(merged)
  }

  has(value: bigint): boolean {
    const interval = this.intervals[this.#at(value)]
    return interval !== undefined && interval.from <= value
  }

  /** The lowest member that is not below `value`. O(log intervals). */
  firstFrom(value: bigint): bigint | undefined {
    const interval = this.intervals[this.#at(value)]
    if (!interval) return undefined
    return interval.from > value ? interval.from : value
  }

  minus(other: IntervalSet): IntervalSet {
    const left: Interval[] = []
    let cut = 0
    for (const { from, to } of this.intervals) {
      let start = from
      while ((other.intervals[cut]?.to ?? to) < start) cut++
      for (let at = cut; start <= to; at++) {
        const hole = other.intervals[at]
        if (!hole || hole.from > to) {
          left.push({ from: start, to })
          break
        }
        if (hole.from > start) left.push({ from: start, to: hole.from - 1n })
        start = hole.to + 1n
      }
    }
    return new IntervalSet(left)
  }

  /** What both have. */
  meet(other: IntervalSet): IntervalSet {
    const both: Interval[] = []
    for (let a = 0, b = 0; ; ) {
      const mine = this.intervals[a]
      const theirs = other.intervals[b]
      if (!mine || !theirs) return new IntervalSet(both)
      const from = mine.from > theirs.from ? mine.from : theirs.from
      const to = mine.to < theirs.to ? mine.to : theirs.to
      if (from <= to) both.push({ from, to })
      if (mine.to < theirs.to) a++
      else b++
    }
  }

  /** Index of the first interval that ends at or after `value`. */
  #at(value: bigint): number {
    let low = 0
    let high = this.intervals.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.intervals[middle] as Interval).to < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
