/** Rows under their heads, in columns as wide as they must be, as kubectl prints them. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => (row[at] ?? '').length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('   ')
      .trimEnd()
  return [heads, ...rows].map((row) => `${line(row)}\n`).join('')
}

/** All addresses of a row, with those marked that are on their way out. */
export const addressCell = ({ ips, releasing = [] }: { readonly ips: readonly string[]; readonly releasing?: readonly string[] }): string =>
  [...ips, ...releasing.map((address) => `${address} (Releasing)`)].join(',')

/** `90` → `1m30s`. */
export function spell(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  if (hours >= 24) return `${Math.floor(hours / 24)}d${hours % 24}h`
  if (hours > 0) return `${hours}h${minutes}m`
  return minutes > 0 ? `${minutes}m${whole % 60}s` : `${whole}s`
}
