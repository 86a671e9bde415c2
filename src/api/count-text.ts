/** Numbers of addresses as people read them: a /64 has 18446744073709551616. */

/** From here on nobody counts digits. */
const hugeFrom = 10n ** 12n
/** So far from a power of two it is told exactly. */
const nearest = 10n ** 6n

/** `254`; from 10^12 on `2^64`, `2^64-3`, or `~2^64.6` where no power of two is near. */
export function countText(count: bigint): string {
  if (count < hugeFrom) return String(count)
  const digits = count.toString(2).length
  for (const exponent of [digits - 1, digits]) {
    const difference = count - 2n ** BigInt(exponent)
    if (difference === 0n) return `2^${exponent}`
    if (difference > -nearest && difference < nearest) return `2^${exponent}${difference > 0n ? '+' : ''}${difference}`
  }
  // The leading 53 bits are more than the one digit behind the point needs.
  const shift = Math.max(0, digits - 53)
  return `~2^${(Math.log2(Number(count >> BigInt(shift))) + shift).toFixed(1)}`
}
