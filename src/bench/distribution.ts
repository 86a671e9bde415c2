/** Figures of many measurements in one (pure). */

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** By nearest rank: the smallest of the values that so many percent of them do not exceed; 0 of none. */
export function percentile(values: readonly number[], percent: number): number {
  const rank = Math.ceil((values.length * percent) / 100)
  return values.toSorted((a, b) => a - b)[Math.max(0, rank - 1)] ?? 0
}
