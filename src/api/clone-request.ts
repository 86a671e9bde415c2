/** A request that makes a VM, as the status keeps it until its outcome is known. */
import * as z from 'zod'
import { statusText, time } from './fields.ts'

export const cloneRequest = z.object({
  vmid: z.int().describe('VMID it makes.'),
  node: z.string().max(63).describe('Node it was sent to: the one of the template, or the one that reads the backup.'),
  template: z.int().describe('VMID of the template, or of the VM in the backup.'),
  isRestore: z.boolean().exactOptional().describe('true: it makes the VM from a backup.'),
  askedAt: time('When it was about to be sent, by the clock of PVE.'),
  upid: statusText(256, 'Its PVE task (UPID). Absent until PVE answers, or when its answer was lost.'),
  ended: z
    .boolean()
    .exactOptional()
    .describe('true: its task has ended. Kept to tell that task from the one of a request whose answer was lost.'),
})
export type AskedClone = z.infer<typeof cloneRequest>
