/** What a guest is, told from its row of the listing, its node's row and, where it was asked, the guest itself. Pure: one truth table. */
import type { StatusCurrent } from '../proxmox/answers.ts'
import type { GuestRow, NodeRow } from '../proxmox/listing.ts'

/** All that PVE says of one guest now. */
export interface GuestClues {
  readonly row?: Pick<GuestRow, 'status' | 'lock' | 'template'>
  readonly node?: Pick<NodeRow, 'online'>
  /** Asked of the guest itself; it beats the row, which is up to 12 s old. */
  readonly current?: Pick<StatusCurrent, 'status' | 'qmpstatus' | 'lock' | 'template'>
}

export type GuestShown =
  | { readonly is: 'running' | 'stopped' | 'hibernated' | 'template' | 'io-error' }
  /** It has power and stands still; `run` is PVE's word for how. */
  | { readonly is: 'paused'; readonly run: string }
  /** Nobody can tell: its node is off, or tells no figures, or PVE shows no guest. */
  | { readonly is: 'unknown'; readonly why: 'node-offline' | 'no-figures' | 'not-listed' }

/** QMP run states in which a guest has power and does nothing (QEMU, qapi/run-state.json). */
const standingStill: ReadonlySet<string> = new Set([
  'paused',
  'suspended',
  'prelaunch',
  'preconfig',
  'debug',
  'internal-error',
  'guest-panicked',
  'watchdog',
  // Of a migration or snapshot that broke off: while one is under way PVE holds a lock.
  'inmigrate',
  'postmigrate',
  'finish-migrate',
  'save-vm',
  'restore-vm',
])

/**
 * The first line that fits counts. While PVE holds a lock it works on the guest itself (a backup starts one that is off in state `prelaunch`), so
 * a run state says nothing then; only `suspended` is a state and no work.
 */
export function guestStateOf({ row, node, current }: GuestClues): GuestShown {
  if (!current && node?.online === false) return { is: 'unknown', why: 'node-offline' }
  if (!current && !row) return { is: 'unknown', why: 'not-listed' }
  if (current?.template ?? row?.template) return { is: 'template' }
  const lock = current ? current.lock : row?.lock
  const run = current ? (current.status === 'stopped' ? 'stopped' : current.qmpstatus) : (row?.status ?? 'unknown')
  if (run === 'unknown') return { is: 'unknown', why: 'no-figures' }
  if (run === 'stopped') return { is: lock === 'suspended' ? 'hibernated' : 'stopped' }
  if (lock) return { is: 'running' }
  if (run === 'io-error') return { is: 'io-error' }
  return standingStill.has(run) ? { is: 'paused', run } : { is: 'running' }
}

/** Paused and io-error count as running: the guest has power. Undefined: nobody can tell. */
export function powerIn({ is }: GuestShown): 'running' | 'stopped' | undefined {
  if (is === 'unknown') return undefined
  return is === 'stopped' || is === 'hibernated' || is === 'template' ? 'stopped' : 'running'
}
