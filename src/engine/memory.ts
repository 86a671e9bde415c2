import type { Carried } from './look.ts'

/** What one process remembers of a VM between passes. Losing it costs requests, never correctness. */
export interface Memory {
  /** The synchronisation of DNS that a command has asked for, and how it went. */
  dns?: { readonly command: string; report?: { readonly ok: boolean; readonly message: string } }
  /** From the pass that asked for a start to the one that sees it ended. */
  carried?: Carried

  /** No clone request of the present intent can be on its way: the next pass may ask without proving absence first. */
  cloneUnasked: boolean
  /** When the clone was last asked for, until its task is known or PVE refused: it may still begin. */
  cloneAskedMs?: number
  /** Ends following the task under way. */
  unfollow?: () => void
  /** Labels and annotations of the last pass: a change of them is a person asking for a look. */
  lastMeta?: string
  /** The audit wants a thorough look. */
  auditDue?: boolean
  /** When the power was last read at the VM itself; a listing of about that time may tell an older one. */
  powerSeenAtMs?: number
  /** The present listing tells an older power than was seen; a change on the way might leave it as it is, and nobody would be woken. */
  isListingBehind?: boolean
  /** What the wait that was last told of was for, so that an event is written once a wait. */
  lastWait?: string
}

export const freshMemory = (): Memory => ({ cloneUnasked: false })
