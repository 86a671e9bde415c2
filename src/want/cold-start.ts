/** Whether a guest was started from off since PVE was given a value: only then has it read the new cloud-init drive (pure; design 5). */
import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'

export type GuestSeen = NonNullable<ProxmoxVMStatus['guestSeen']>

/** The process of a VM, from one answer of PVE. */
export interface ProcessSeen {
  readonly node: string
  readonly power: 'running' | 'stopped'
  readonly lock?: string
  /** Absent: PVE did not tell. */
  readonly pid?: number
  /** When the process began; ms since the epoch by PVE's clock. 0 of a VM that is off. */
  readonly startedMs: number
}

export type StartVerdict =
  /** It has read what PVE shows now, or reads it when it is started. */
  | { readonly is: 'started' }
  /** The same process as at the write. */
  | { readonly is: 'same' }
  /** It was started from off, or is off, and there is no drive from which it could read anything. */
  | { readonly is: 'missed' }
  /** A younger process on the same node: started from off, unless one of PVE's tasks says otherwise. */
  | { readonly is: 'young' }
  | { readonly is: 'unknown'; readonly why: string }

/** Two nodes' clocks, and the time a write may take. */
const slackMs = 30_000

export function judgeProcess({ since, node, pid }: Pick<GuestSeen, 'since' | 'node' | 'pid'>, seen: ProcessSeen): StartVerdict {
  if (seen.power === 'stopped') {
    // A hibernated guest goes on where it was, with the drive it had.
    const isAsleep = seen.lock === 'suspended' || seen.lock === 'suspending'
    return isAsleep ? { is: 'unknown', why: 'the guest is hibernated' } : { is: 'started' }
  }
  if (node !== seen.node) return { is: 'unknown', why: `the VM has moved to node ${seen.node}` }
  const laterMs = seen.startedMs - Date.parse(since)
  if (pid !== undefined && pid === seen.pid && laterMs <= slackMs) return { is: 'same' }
  if (laterMs > slackMs) return { is: 'young' }
  if (laterMs < -slackMs) return { is: 'same' }
  return { is: 'unknown', why: 'the guest started within half a minute of the change' }
}

/** An online migration, a resume and a rollback with memory begin a process in which the guest goes on (qemu-server). */
const goesOn: ReadonlySet<string> = new Set(['qmigrate', 'hamigrate', 'qmresume', 'qmrollback', 'qmsuspend', 'qmrestore'])

/** @param tasks types of all tasks of the VM on its node since the write; undefined: PVE does not show them all. */
export function judgeYoung(tasks: readonly string[] | undefined): StartVerdict {
  if (!tasks) return { is: 'unknown', why: 'PVE does not show all tasks of the VM since the change' }
  const task = tasks.find((type) => goesOn.has(type))
  return task === undefined ? { is: 'started' } : { is: 'unknown', why: `the task ${task} may have kept the guest running` }
}
