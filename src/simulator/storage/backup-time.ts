/** Seconds since the epoch that the name of a vzdump file or of a snapshot on a backup server tells (PVE::Storage archive_info; the simulated node keeps UTC). */
export function backupTime(name: string): number | undefined {
  const snapshot = /\/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(name)?.[1]
  if (snapshot !== undefined) return Date.parse(snapshot) / 1000
  const match = /-(\d{4})_(\d\d)_(\d\d)-(\d\d)_(\d\d)_(\d\d)\./.exec(name)
  if (match === null) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000
}
