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
 * Whether no worker does it any more. Of an unknown end PVE says so where the worker died or is so old that it has forgotten it; any other
 * one means that PVE could not be asked.
 */
export const isTaskOver = (end: TaskEnd): boolean =>
  end.is !== 'unknown' || /unexpected status|unable to get last line|no such task|unable to parse worker upid|is not a UPID/.test(end.why)

const silence = 'has not answered for 2 minutes'

/** The end of a task whose node is silent. */
export const endOnSilentNode = (node: string, message: string): TaskEnd => ({ is: 'unknown', why: `node ${node} ${silence}: ${message}` })

/** Whether PVE could not be asked because the node of the task is silent. Any other end that is not over was refused to this token. */
export const isNodeSilent = (end: TaskEnd): boolean => end.is === 'unknown' && end.why.includes(` ${silence}: `)
