/** Months that begin on a day of their own, in UTC, where no hour is missing or twice. Pure. */

/** From `startMs` up to, and without, `endMs`; epoch ms. */
export interface Period {
  readonly startMs: number
  readonly endMs: number
}

const usualResetDay = 1

/** The period that contains that moment. A month without the day begins a period on its last day. */
export function periodAt(ms: number, resetDay = usualResetDay): Period {
  const date = new Date(ms)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  const here = beginsIn(year, month, resetDay)
  return ms >= here
    ? { startMs: here, endMs: beginsIn(year, month + 1, resetDay) }
    : { startMs: beginsIn(year, month - 1, resetDay), endMs: here }
}

/** `month` counts on beyond a year, in both directions. */
function beginsIn(year: number, month: number, resetDay: number): number {
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  return Date.UTC(year, month, Math.min(resetDay, lastDay))
}
