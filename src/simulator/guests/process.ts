// A QEMU process and the system that runs inside it.
import type { Guest, Inside, Process } from './guest.ts'
import { bootInside } from './inside.ts'

export interface ProcessStart {
  pid: number
  nowMs: number
  /** From now until the agent answers, in real milliseconds. */
  agentMs: number
  /** The system that goes on in this process; without one it boots from its drives. */
  inside: Inside | undefined
}

/** The process of a guest that starts now. */
export function newProcess(guest: Guest, { pid, nowMs, agentMs, inside }: ProcessStart): Process {
  const hasAgent = /^(?:enabled=)?1/.test(guest.config.get('agent') ?? '0')
  return {
    pid,
    sinceMs: nowMs,
    run: 'running',
    startedWith: new Map(guest.config),
    inside: inside ?? bootInside(guest, nowMs),
    netIn: 0,
    netOut: 0,
    ...(hasAgent ? { agentAtMs: nowMs + (inside === undefined ? agentMs : 0) } : {}),
  }
}

/** What flows by itself is counted up to now. */
export function letFlow(process: Process, nowMs: number): void {
  const { flow } = process
  if (!flow) return
  const seconds = Math.max(0, (nowMs - flow.sinceMs) / 1000)
  process.netIn += Math.floor(flow.inPerSecond * seconds)
  process.netOut += Math.floor(flow.outPerSecond * seconds)
  flow.sinceMs = nowMs
}
