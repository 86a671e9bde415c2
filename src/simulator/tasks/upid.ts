/** The parts of a UPID. */
export interface UpidParts {
  node: string
  pid: number
  pstart: number
  /** Seconds since the epoch. */
  starttime: number
  type: string
  id: string
  /** `root@pam` or `root@pam!token`. */
  user: string
}

const hex = (n: number, digits: number) => n.toString(16).toUpperCase().padStart(digits, '0')

/** PVE::Tools upid_encode. */
export function upidText(p: UpidParts): string {
  return `UPID:${p.node}:${hex(p.pid, 8)}:${hex(p.pstart, 8)}:${hex(p.starttime, 8)}:${p.type}:${p.id}:${p.user}:`
}

/** PVE::Tools upid_decode; undefined where PVE says `unable to parse worker upid`. */
export function parseUpid(text: string): UpidParts | undefined {
  const m =
    /^UPID:([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):$/.exec(
      text,
    )
  if (!m) return undefined
  return {
    node: m[1] as string,
    pid: Number.parseInt(m[3] as string, 16),
    pstart: Number.parseInt(m[4] as string, 16),
    starttime: Number.parseInt(m[5] as string, 16),
    type: m[6] as string,
    id: m[7] as string,
    user: m[8] as string,
  }
}
