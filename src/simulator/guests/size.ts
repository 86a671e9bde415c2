const units: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }

/** PVE::JSONSchema parse_size: `10G`, `64M`, `1024` (bytes), decimals allowed. */
export function parseSizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT])?$/.exec(text)
  if (!match) return undefined
  return Math.trunc(Number(match[1]) * (units[match[2] ?? ''] as number))
}

/** PVE::JSONSchema format_size: the largest unit that divides evenly; plain bytes when not even KiB does. */
export function formatSize(bytes: number): string {
  let size = bytes
  let text = `${bytes}`
  for (const unit of ['K', 'M', 'G', 'T']) {
    if (size % 1024 !== 0) break
    size /= 1024
    text = `${size}${unit}`
  }
  return text
}
