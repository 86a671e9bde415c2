/** The next time of a schedule, for the forms that backup jobs mostly have; times are UTC. */

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** `mon..fri`, `sat,sun`: numbers of days, Sunday 0. */
function daysOf(text: string): Set<number> {
  const found = new Set<number>()
  for (const part of text.split(',')) {
    const [first, last = first] = part.split('..').map((name) => days.indexOf(name.slice(0, 3).toLowerCase())) as [number, number?]
    for (let day = first; ; day = (day + 1) % 7) {
      found.add(day)
      if (day === last) break
    }
  }
  return found
}

const named: Readonly<Record<string, string>> = { daily: '00:00', weekly: 'mon 00:00', hourly: '*:00', minutely: '*:*' }

/** What a field of a time allows: `*`, a number, a list, or steps like `0/15`. */
function fits(field: string, value: number): boolean {
  return field.split(',').some((part) => {
    const [start = '', step] = part.split('/')
    const from = start === '*' ? 0 : Number(start)
    return step === undefined ? start === '*' || value === from : value >= from && (value - from) % Number(step) === 0
  })
}

/** Seconds since the epoch of the first moment after `now` that fits; undefined for forms that are not modelled. */
export function nextRun(schedule: string, now: number): number | undefined {
  const text = named[schedule] ?? schedule
  const [, weekdays, hour = '0', minute = '0'] = /^(?:([a-z][a-z,.]*)\s+)?(?:([\d*/,]+):)?([\d*/,]+)$/i.exec(text) ?? []
  if (!/^[\s\S]*[\d*]$/.test(text)) return undefined
  const hours = text.includes(':') ? hour : '*'
  const allowed = weekdays === undefined ? undefined : daysOf(weekdays)
  const minutesAWeek = 7 * 24 * 60 + 1
  const first = Math.floor(now / 60) + 1
  for (let at = first; at < first + minutesAWeek; at += 1) {
    const time = new Date(at * 60_000)
    if (allowed !== undefined && !allowed.has(time.getUTCDay())) continue
    if (fits(hours, time.getUTCHours()) && fits(minute, time.getUTCMinutes())) return at * 60
  }
  return undefined
}
