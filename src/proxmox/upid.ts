/** The receipts of PVE's tasks, as text (pure). */
import type { Upid } from './answers.ts'
import { PveError } from './pve-error.ts'

/** PVE::Tools::upid_decode. */
const upidPattern = /^UPID:([a-zA-Z0-9][a-zA-Z0-9-]*):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:\s]+):([^:\s]*):[^:\s]+:$/

export const upidOf = (data: unknown): Upid | undefined => (typeof data === 'string' && data.startsWith('UPID:') ? data : undefined)

/** The node where the task runs, whatever became of the guest. */
export function nodeOfUpid(upid: Upid): string {
  const node = upidPattern.exec(upid)?.[1]
  if (node === undefined) throw new TypeError(`no UPID: ${upid}`)
  return node
}

/** `qmclone`, `qmstart`…; empty for what is no UPID. */
export const typeOfUpid = (upid: Upid): string => upidPattern.exec(upid)?.[2] ?? ''

/** When it started, in seconds since the epoch, by PVE's clock; NaN for what is no UPID. */
export const startOfUpid = (upid: Upid): number => Number.parseInt(upid.split(':')[4] ?? '', 16)

/** The guest of the task, by its VMID; 0 for a task of none. */
export const vmidOfUpid = (upid: Upid): number => Number(upid.split(':')[6] ?? 0)

/** The receipt a request must be answered with; throws a PveError for anything else. */
export function mustBeUpid(data: unknown): Upid {
  const upid = upidOf(data)
  if (upid !== undefined) return upid
  throw new PveError({ message: 'PVE answered without a task', status: 200, sent: true, route: '', method: '' })
}

/** Who started the task: `root@pam`, or a token `root@pam!panel`. */
export const userOfUpid = (upid: Upid): string => upid.split(':')[7] ?? ''

/** A person started it: the operator has no other login than a token, of whatever name at the time. */
export const isOfPerson = (upid: Upid): boolean => /^[^!]+$/.test(userOfUpid(upid))
