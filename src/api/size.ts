/**
 * Kubernetes quantities and Go durations as people write them in a spec, read without floating-point loss.
 * The API server has checked the form by the time we read it; what still does not parse is a `RangeError` that says what to write.
 */

const decimal: Record<string, bigint> = { '': 1n, k: 1000n, M: 1000n ** 2n, G: 1000n ** 3n, T: 1000n ** 4n, P: 1000n ** 5n, E: 1000n ** 6n }
const binary: Record<string, bigint> = { Ki: 1n << 10n, Mi: 1n << 20n, Gi: 1n << 30n, Ti: 1n << 40n, Pi: 1n << 50n, Ei: 1n << 60n }
const small: Record<string, bigint> = { m: 1000n, u: 1000n ** 2n, n: 1000n ** 3n }
const form = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([eE])([+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i))?$/

/** A quantity as a fraction of two integers (Kubernetes `resource.Quantity`: sign, digits, one suffix or exponent). */
function fraction(q: string | number): { numerator: bigint; denominator: bigint } {
  const match = form.exec(String(q).trim())
  const whole = match?.[2] ?? ''
  const places = match?.[3] ?? ''
  if (match === null || whole + places === '') throw new RangeError(`"${q}" is not a valid quantity; write 4Gi or 1.5, for instance`)
  const exponent = match[4] === undefined ? 0 : Number(match[5])
  const suffix = match[6] ?? ''
  const up = (decimal[suffix] ?? binary[suffix] ?? 1n) * (exponent > 0 ? 10n ** BigInt(exponent) : 1n)
  const down = (small[suffix] ?? 1n) * 10n ** BigInt(places.length) * (exponent < 0 ? 10n ** BigInt(-exponent) : 1n)
  return { numerator: BigInt(`${whole}${places}`) * up * (match[1] === '-' ? -1n : 1n), denominator: down }
}

/** A size in whole MiB: `4Gi` → 4096, `0` → 0. Anything that is not 0 or a whole number of MiB throws a RangeError. */
export function parseSizeMiB(q: string | number): number {
  const { numerator, denominator } = fraction(q)
  const unit = denominator << 20n
  if (numerator < 0n || numerator % unit !== 0n) throw new RangeError(`"${q}" is not 0 or a whole number of MiB; write 4Gi, for instance`)
  return Number(numerator / unit)
}

/** A quantity of bytes, rounded up to a whole one: `2Ti` → 2199023255552. Negative throws a RangeError. */
export function parseBytes(q: string | number): number {
  const { numerator, denominator } = fraction(q)
  if (numerator < 0n) throw new RangeError(`"${q}" is negative; write 2Ti, for instance`)
  return Number((numerator + denominator - 1n) / denominator)
}

/** Bytes for people, cut to one decimal: 1610612736 → `1.5 GiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let unit = 0
  let amount = bytes
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit++
  }
  const cut = unit === 0 ? String(amount) : (Math.floor(amount * 10) / 10).toFixed(1)
  return `${cut} ${units[unit]}`
}

/** The shortest way to write a size: 4096 → `4Gi`, 1536 → `1536Mi`, 0 → `0`. */
export function formatSize(mib: number): string {
  if (mib === 0) return '0'
  for (const [suffix, unit] of [
    ['Ti', 1024 * 1024],
    ['Gi', 1024],
  ] as const) {
    if (mib % unit === 0) return `${mib / unit}${suffix}`
  }
  return `${mib}Mi`
}

/** Cores of host time: `1.5` and `1500m` → 1.5. Rounded up to a thousandth, as Kubernetes does for CPU; negative throws a RangeError. */
export function parseCpuLimit(q: string | number): number {
  const { numerator, denominator } = fraction(q)
  if (numerator < 0n) throw new RangeError(`"${q}" is negative; write 1.5 for one and a half cores, 0 for no limit`)
  const thousandths = (numerator * 1000n + denominator - 1n) / denominator
  return Number(thousandths) / 1000
}

/** A ratio: `1.5` and `1500m` → 1.5. */
export function parseRatio(q: string | number): number {
  const { numerator, denominator } = fraction(q)
  return Number((numerator * 1000n) / denominator) / 1000
}

const durationUnits: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/** A Go duration (`time.ParseDuration`) in seconds: `90s` → 90, `1h30m` → 5400. Negative or malformed throws a RangeError. */
export function parseDurationSeconds(s: string): number {
  const text = s.replace(/^\+/, '')
  if (text === '0') return 0
  if (!/^(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/.test(text)) {
    throw new RangeError(`"${s}" is not a valid duration; write 90s or 1h30m, for instance`)
  }
  let seconds = 0
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)([a-z\u00b5\u03bc]+)/g))
    seconds += Number(amount) * (durationUnits[unit ?? ''] ?? 0)
  return seconds
}
