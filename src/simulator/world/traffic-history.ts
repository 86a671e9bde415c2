// What the RRDs keep of the traffic of guests: by VMID and time, over restarts, migrations and the end of a guest (PVE::RRD, pmxcfs status).
import type { Published } from './published.ts'

/** Between two ticks of pvestatd. */
interface Segment {
  readonly fromMs: number
  readonly toMs: number
  readonly netIn: number
  readonly netOut: number
}

/** RRDs take a counter that comes later than so for unknown (DS heartbeat). */
const heartbeatMs = 120_000
const mostSegments = 5_000

export class TrafficHistory {
  readonly #byVmid = new Map<number, Segment[]>()

  /** A tick: what the counters grew by since the one before. Those that fell are unknown for that time (DERIVE with minimum 0). */
  note(vmid: number, before: Published | undefined, now: Published): void {
    if (!before || now.atMs - before.atMs > heartbeatMs) return
    const [netIn, netOut] = [now.netIn - before.netIn, now.netOut - before.netOut]
    if (netIn < 0 || netOut < 0 || netIn + netOut === 0) return
    const segments = this.#byVmid.get(vmid) ?? []
    segments.push({ fromMs: Math.min(before.atMs, now.atMs - 1), toMs: now.atMs, netIn, netOut })
    if (segments.length > mostSegments) segments.shift()
    this.#byVmid.set(vmid, segments)
  }

  /** Bytes per second over that time, as far as it is known. */
  rate(vmid: number, fromMs: number, toMs: number): { netin: number; netout: number } {
    let [netin, netout] = [0, 0]
    for (const segment of this.#byVmid.get(vmid) ?? []) {
      const share = (Math.min(segment.toMs, toMs) - Math.max(segment.fromMs, fromMs)) / (segment.toMs - segment.fromMs)
      if (share <= 0) continue
      netin += segment.netIn * share
      netout += segment.netOut * share
    }
    const seconds = (toMs - fromMs) / 1000
    return { netin: netin / seconds, netout: netout / seconds }
  }
}
