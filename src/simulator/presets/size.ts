const units: Readonly<Record<string, number>> = {
  B: 1,
  K: 1024,
  KiB: 1024,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
}

/** One GiB: disks whose size is whole GiB are written with `G`. */
export const bytesPerGiB = 1024 ** 3

/** `512MiB`, `10G`, `1.5TiB` as bytes; undefined for anything else. */
export function readSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B?|B)?$/.exec(text.trim())
  if (match === null) return undefined
  const unit = units[(match[2] ?? 'B').replace(/^([KMGT])B$/, '$1')]
  return unit === undefined ? undefined : Math.round(Number(match[1]) * unit)
}
