/** PVE's names of tasks, read (pure). */
import type { Upid } from './answers.ts'

/** PVE::Tools::upid_decode. */
const upidPattern = /^UPID:([a-zA-Z0-9][a-zA-Z0-9-]*):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:\s]+):([^:\s]*):[^:\s]+:$/

/** The node where the task runs, whatever became of the guest. */
export function nodeOfUpid(upid: Upid): string {
  const node = upidPattern.exec(upid)?.[1]
  if (node === undefined) throw new TypeError(`no UPID: ${upid}`)
  return node
}

/** `qmclone`, `qmstart`…; empty for what is no UPID. */
export const typeOfUpid = (upid: Upid): string => upidPattern.exec(upid)?.[2] ?? ''

/** Who started the task: `root@pam`, or a token `root@pam!panel`. */
export const userOfUpid = (upid: Upid): string => upid.split(':')[7] ?? ''
