/** How a task of PVE ended (pure). */
import { exitedWell } from './failures.ts'

export type TaskEnd =
  | { readonly is: 'ok'; readonly warnings: boolean }
  | { readonly is: 'failed'; readonly exitstatus: string }
  /** It may have done its work, part of it, or nothing: look at the guest. */
  | { readonly is: 'unknown'; readonly why: string }

/** What the exit status of a task says. */
export function endOf(exitstatus: string): TaskEnd {
  if (exitedWell(exitstatus)) return { is: 'ok', warnings: exitstatus !== 'OK' }
  // A worker that died without a last line: SIGKILL, out of memory, node reboot (pve-common, upid_read_status).
  if (exitstatus === 'unexpected status' || exitstatus.startsWith('unable to get last line')) return { is: 'unknown', why: exitstatus }
  return { is: 'failed', exitstatus }
}

/**
 * `why` of an unknown end says only that PVE could not be asked, so the task may still run. False: nobody will ever tell more, since its worker
 * died, or it is so old that PVE has forgotten it.
 */
export const mayStillRun = (why: string): boolean => !/unexpected status|unable to get last line|no such task/.test(why)
